#include "tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "tensor/gradient.h"

namespace dq {
namespace {

Shape contiguous_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

template <class T>
Tensor copy_of(Device& device, std::span<const T> values, Shape shape) {
  Tensor out = Tensor::empty(device, DTypeOf<T>::value, std::move(shape));
  if (out.count() != static_cast<std::int64_t>(values.size())) {
    throw Error(ErrorCode::kInternal,
                fmt::format("{} values for shape {}", values.size(), to_string(out.shape())));
  }
  if (!values.empty()) std::memcpy(out.raw(), values.data(), values.size_bytes());
  return out;
}

int axis_of(int axis, int rank) {
  const int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    throw Error(ErrorCode::kInternal, fmt::format("axis {} of a tensor of rank {}", axis, rank));
  }
  return positive;
}

}  // namespace

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

Tensor Tensor::empty(Device& device, DType dtype, Shape shape) {
  const std::uint64_t bytes = checked_mul(checked_product(shape, "a tensor's size"),
                                          static_cast<std::uint64_t>(size_of(dtype)), "a tensor's size");
  const std::shared_ptr<std::byte> storage = device.allocate(bytes);
  Tensor out;
  out.data_ = storage.get();
  out.owner_ = storage;
  out.device_ = &device;
  out.strides_ = contiguous_strides(shape);
  out.shape_ = std::move(shape);
  out.dtype_ = dtype;
  return out;
}

Tensor Tensor::zeros(Device& device, DType dtype, Shape shape) {
  Tensor out = empty(device, dtype, std::move(shape));
  std::memset(out.raw(), 0, static_cast<std::size_t>(out.bytes()));
  return out;
}

Tensor Tensor::full(Device& device, Shape shape, float value) {
  Tensor out = empty(device, DType::kF32, std::move(shape));
  std::fill_n(out.data<float>(), out.count(), value);
  return out;
}

Tensor Tensor::wrap(Device& device, DType dtype, Shape shape, std::shared_ptr<const void> owner,
                    const void* data) {
  Shape strides = contiguous_strides(shape);
  return wrap(device, dtype, std::move(shape), std::move(strides), std::move(owner), data);
}

Tensor Tensor::wrap(Device& device, DType dtype, Shape shape, Shape strides,
                    std::shared_ptr<const void> owner, const void* data) {
  Tensor out;
  out.owner_ = std::move(owner);
  out.data_ = static_cast<std::byte*>(const_cast<void*>(data));
  out.device_ = &device;
  out.shape_ = std::move(shape);
  out.strides_ = std::move(strides);
  out.dtype_ = dtype;
  return out;
}

Tensor Tensor::from(Device& device, std::span<const float> values, Shape shape) {
  return copy_of(device, values, std::move(shape));
}

Tensor Tensor::from(Device& device, std::span<const double> values, Shape shape) {
  return copy_of(device, values, std::move(shape));
}

std::int64_t Tensor::dim(int axis) const {
  return shape_[static_cast<std::size_t>(axis_of(axis, rank()))];
}

bool Tensor::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != expected) return false;
    expected *= shape_[i];
  }
  return true;
}

Tensor Tensor::reshape(Shape shape) const {
  if (!is_contiguous()) throw Error(ErrorCode::kInternal, "reshape needs a contiguous tensor");
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::int64_t& size : shape) {
    if (size == -1 && !open)
      open = &size;
    else
      known *= size;
  }
  if (open) *open = known > 0 ? count() / known : 0;
  if (element_count(shape) != count()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("cannot view {} as {}", to_string(shape_), to_string(shape)));
  }
  Tensor out = *this;
  out.strides_ = contiguous_strides(shape);
  out.shape_ = std::move(shape);
  if (!grad_node_) return out;
  const Shape to = out.shape_;
  return as_view(
      std::move(out), [to](const Tensor& parent) { return parent.reshape(to); }, true);
}

Tensor Tensor::slice(int axis, std::int64_t begin, std::int64_t end) const {
  const auto a = static_cast<std::size_t>(axis_of(axis, rank()));
  if (begin < 0 || begin > end || end > shape_[a]) {
    throw Error(ErrorCode::kInternal,
                fmt::format("slice [{}, {}) of axis {} of {}", begin, end, a, to_string(shape_)));
  }
  Tensor out = *this;
  out.data_ += begin * strides_[a] * size_of(dtype_);
  out.shape_[a] = end - begin;
  if (!grad_node_) return out;
  return as_view(std::move(out), [=](const Tensor& parent) { return parent.slice(axis, begin, end); });
}

Tensor Tensor::permute(std::initializer_list<int> order) const {
  return permute(std::vector<int>(order));
}

Tensor Tensor::permute(const std::vector<int>& order) const {
  if (order.size() != shape_.size()) throw Error(ErrorCode::kInternal, "permute needs one number an axis");
  Tensor out = *this;
  std::size_t i = 0;
  for (const int axis : order) {
    const auto a = static_cast<std::size_t>(axis_of(axis, rank()));
    out.shape_[i] = shape_[a];
    out.strides_[i] = strides_[a];
    ++i;
  }
  if (!grad_node_) return out;
  return as_view(std::move(out), [order](const Tensor& parent) { return parent.permute(order); });
}

Tensor Tensor::detached() const {
  Tensor out = *this;
  out.grad_node_ = nullptr;
  return out;
}

Tensor Tensor::as_view(Tensor out, std::function<Tensor(const Tensor&)> view, bool reshapes) const {
  if (!device_->recording()) return out.detached();
  auto node = std::make_shared<GradNode>();
  node->inputs = {grad_node_};
  node->view = std::move(view);
  node->reshapes = reshapes;
  node->shape = out.shape_;
  out.grad_node_ = std::move(node);
  return out;
}

void Tensor::check_dtype(DType wanted) const {
  if (dtype_ != wanted) {
    throw Error(ErrorCode::kInternal,
                fmt::format("a {} tensor was read as {}", to_string(dtype_), to_string(wanted)));
  }
}

void ask_gradient(Tensor& x) {
  if (!x.defined() || (x.dtype() != DType::kF32 && x.dtype() != DType::kF64)) {
    throw Error(ErrorCode::kInvalidArgument, "only F32 tensors can be asked for a gradient");
  }
  auto node = std::make_shared<GradNode>();
  node->shape = x.shape();
  x.set_grad_node(std::move(node));
}

}  // namespace dq
