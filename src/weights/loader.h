#pragma once
// Fills a network's parameters from a table in canonical names. It collects what is missing or has another
// shape, so that one error tells everything, and lets go of each file page once its weight is packed.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ops/norm.h"
#include "weights/residency.h"
#include "weights/tensor_table.h"
#include "weights/weight.h"

namespace dq::weights {

class Loader {
 public:
  // `what` names the part for messages: "the U-Net". Matrices are packed for device.precision().
  Loader(const TensorTable& table, Device& device, std::string what, LoadOptions options = {});

  // A loader for the parameters under `name.`; shares everything else.
  Loader at(std::string_view name) const;

  Device& device() const { return state_->device; }
  const TensorTable& table() const { return state_->table; }
  bool has(std::string_view name) const;  // under this loader's prefix

  // Everything that was asked for so far, by canonical name. Layers and this list share the parameters.
  const Parameters& parameters() const { return state_->parameters; }

  // A parameter as f32, contiguous, for biases, norms and positions.
  Tensor vector(std::string_view name, Shape shape) const;
  // A parameter in the file's own dtype, in place, for tables read row by row (f32, f16, bf16). Contiguous.
  Tensor table_view(std::string_view name, Shape shape) const;
  ops::Affine affine(std::string_view name, std::int64_t channels) const;  // name.weight, name.bias

  // [out, in]; also accepts a 1×1 convolution's [out, in, 1, 1].
  Weight linear(std::string_view name, std::int64_t out, std::int64_t in) const;
  // Several [out_i, in] matrices stacked on rows, one product for all of them.
  Weight stacked(std::span<const std::string> names, std::int64_t out_each, std::int64_t in) const;
  Weight conv2d(std::string_view name, std::int64_t out, std::int64_t in, int kernel) const;

  // After the last parameter: throws kBadFile listing the first five missing or misshapen tensors, with both
  // shapes.
  void finish() const;

 private:
  struct State {
    TensorTable table;
    Device& device;
    std::string what;
    LoadOptions options;
    Residency residency;
    std::shared_ptr<Streamed> streamed;
    Parameters parameters;
    std::vector<std::string> problems;
  };
  Loader(std::shared_ptr<State> state, std::string prefix)
      : state_(std::move(state)), prefix_(std::move(prefix)) {}

  std::string full(std::string_view name) const { return prefix_ + std::string(name); }
  // A new entry of the list; `value` may be undefined for a matrix.
  std::shared_ptr<Parameter> enlist(std::string_view name, Shape shape, Shape stored, Tensor value) const;
  // The same of a matrix or kernel; `entry` has the shape that layers use. A leaf when parameters are
  // trained.
  std::shared_ptr<Parameter> enlist_matrix(std::string_view name, const files::TensorEntry& entry,
                                           Shape stored) const;
  // The stored numbers of `entry` as f32 in memory of their own; a leaf when parameters are trained.
  Tensor own(const files::TensorEntry& entry) const;
  bool trains() const { return state_->options.purpose == Purpose::kTrain; }
  // A matrix or kernel, packed for the purpose. `entries` have the shape that layers use.
  Weight pack(std::vector<std::shared_ptr<Parameter>> parts, std::vector<files::TensorEntry> entries) const;
  // The same of one that does not stay in memory.
  Weight stream(std::vector<std::shared_ptr<Parameter>> parts, std::vector<files::TensorEntry> entries) const;
  // The entry when it is there with this shape; else notes a problem and returns null.
  const files::TensorEntry* expect(std::string_view name, const Shape& shape, bool allow_1x1 = false) const;

  std::shared_ptr<State> state_;
  std::string prefix_;
};

}  // namespace dq::weights
