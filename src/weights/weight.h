#pragma once
// What a layer holds: a base matrix (packed, or a leaf that is being trained) and the adapters hung on it.
// One place decides how the two come together, so that no layer needs to know about adapters.
#include <memory>
#include <vector>

#include "ops/packed_weight.h"
#include "weights/parameter.h"

namespace dq::weights {

class Weight {
 public:
  Weight() = default;
  // `parts`: the parameters it was packed from, several when projections were stacked on rows ([q | k | v]).
  // `packed` is undefined when they are trained: then it is packed anew at each use.
  Weight(Device& device, std::vector<std::shared_ptr<Parameter>> parts, ops::PackedWeight packed)
      : device_(&device), parts_(std::move(parts)), packed_(std::move(packed)) {}

  bool defined() const { return !parts_.empty(); }
  // The weight to compute with: the base, and what adapters make of it.
  ops::PackedWeight packed() const;

  // Is there a side path beside this part?
  bool has_side(std::size_t part = 0) const;
  // y + the side paths of one part. x: the layer's input; y: the part's own columns of its output,
  // contiguous.
  Tensor side(const Tensor& x, Tensor y, const ops::Conv2dOptions* conv = nullptr,
              std::size_t part = 0) const;

 private:
  bool changed() const;
  Tensor part_value(std::size_t part) const;  // f32, with what adapters change

  Device* device_ = nullptr;
  std::vector<std::shared_ptr<Parameter>> parts_;
  ops::PackedWeight packed_;
};

}  // namespace dq::weights
