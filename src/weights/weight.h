#pragma once
// What a layer holds: a base matrix (packed, or a leaf that is being trained) and the adapters hung on it.
// One place decides how the two come together, so that no layer needs to know about adapters.
#include <functional>
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

  // One that is not kept: `stream` packs it from the file at each use. Only for painting.
  Weight(Device& device, std::vector<std::shared_ptr<Parameter>> parts,
         std::function<ops::PackedWeight()> stream)
      : device_(&device), parts_(std::move(parts)), stream_(std::move(stream)) {}

  bool defined() const { return !parts_.empty(); }
  // The weight to compute with: the base, and what adapters make of it.
  ops::PackedWeight packed() const;

  // What stands beside a linear layer, of all parts and adapters together; undefined when nothing does.
  ops::LowRank low_rank() const;
  // y + what stands beside a convolution. x: its input; layer: its stride and padding.
  Tensor side(const Tensor& x, Tensor y, const ops::Conv2dOptions& layer) const;

 private:
  using Adapters = std::vector<std::vector<std::shared_ptr<const Adapter>>>;  // by part
  struct Folded {
    Adapters adapters;
    ops::PackedWeight packed;
  };

  bool changed() const;
  bool trained() const;  // is anything here different at the next use?
  Adapters adapters() const;
  Tensor part_value(std::size_t part) const;  // f32, with what adapters change
  ops::PackedWeight pack_anew() const;

  Device* device_ = nullptr;
  std::vector<std::shared_ptr<Parameter>> parts_;
  ops::PackedWeight packed_;
  std::function<ops::PackedWeight()> stream_;  // instead of packed_
  // What came of the adapters that were there at the last use: those that nobody trains change a weight once.
  mutable std::shared_ptr<const Folded> folded_;
};

}  // namespace dq::weights
