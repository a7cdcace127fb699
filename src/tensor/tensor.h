#pragma once
// A cheap handle to numbers: dtype, shape, strides, device, shared storage. Copies share the storage.
// Images are [N, H, W, C] (channels last), tokens are [N, T, C]; the last dimension is innermost.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"

namespace dq {

using Shape = std::vector<std::int64_t>;
struct GradNode;  // tensor/gradient.h

std::string to_string(const Shape& shape);  // "[2, 64, 64, 320]"
std::int64_t element_count(const Shape& shape);

class Tensor {
 public:
  Tensor() = default;  // empty: defined() is false

  // Uninitialised memory on a device.
  static Tensor empty(Device& device, DType dtype, Shape shape);
  static Tensor zeros(Device& device, DType dtype, Shape shape);
  static Tensor full(Device& device, Shape shape, float value);  // f32, host devices
  // Contiguous bytes that somebody else owns and `owner` keeps alive, such as a mapped file. Host memory.
  // The data must not be written to.
  static Tensor wrap(Device& device, DType dtype, Shape shape, std::shared_ptr<const void> owner,
                     const void* data);
  // The same with strides in elements (a view as PyTorch checkpoints may hold).
  static Tensor wrap(Device& device, DType dtype, Shape shape, Shape strides,
                     std::shared_ptr<const void> owner, const void* data);
  static Tensor from(Device& device, std::span<const float> values, Shape shape);
  static Tensor from(Device& device, std::span<const double> values, Shape shape);  // f64

  bool defined() const { return device_ != nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Shape& strides() const { return strides_; }  // in elements
  int rank() const { return static_cast<int>(shape_.size()); }
  // The size of a dimension; negative counts from the end.
  std::int64_t dim(int axis) const;
  std::int64_t count() const { return element_count(shape_); }
  std::int64_t bytes() const { return count() * size_of(dtype_); }
  Device& device() const { return *device_; }
  bool is_contiguous() const;

  // Typed access to the first element; asserts that T is the dtype. Host devices only.
  template <class T>
  T* data() {
    check_dtype(DTypeOf<T>::value);
    return reinterpret_cast<T*>(raw());
  }
  template <class T>
  const T* data() const {
    check_dtype(DTypeOf<T>::value);
    return reinterpret_cast<const T*>(raw());
  }
  std::byte* raw() { return data_; }
  const std::byte* raw() const { return data_; }

  // Where its gradient is collected; null when nobody asks for it. Views of a tensor that has one have one.
  const std::shared_ptr<GradNode>& grad_node() const { return grad_node_; }
  void set_grad_node(std::shared_ptr<GradNode> node) { grad_node_ = std::move(node); }
  // The same numbers with no gradient.
  Tensor detached() const;

  // The same elements with another shape; one size may be −1. Needs a contiguous tensor.
  Tensor reshape(Shape shape) const;
  // Elements [begin, end) of one axis; shares the storage.
  Tensor slice(int axis, std::int64_t begin, std::int64_t end) const;
  // Axes in another order; shares the storage (not contiguous any more).
  Tensor permute(std::initializer_list<int> order) const;
  Tensor permute(const std::vector<int>& order) const;

 private:
  void check_dtype(DType wanted) const;
  // `out`, a view of this tensor, with the node that belongs to it.
  Tensor as_view(Tensor out, std::function<Tensor(const Tensor&)> view, bool reshapes = false) const;

  std::shared_ptr<const void> owner_;
  std::byte* data_ = nullptr;
  Device* device_ = nullptr;
  Shape shape_, strides_;
  DType dtype_ = DType::kF32;
  std::shared_ptr<GradNode> grad_node_;
};

}  // namespace dq
