#pragma once
// DoRA (Liu et al. 2024): the direction of a weight is changed by another adapter, its length learned beside
// it: W' = m·(W + Δ)/‖W + Δ‖, a length a row ([out, 1, …]) or a column ([1, in, …]). As the paper and peft
// have it, the length of W + Δ counts as a constant on the way back. LyCORIS and peft divide by the length of
// W + Δ, as here; ComfyUI divides rows by that of W.
#include "weights/adapters/parts.h"

namespace dq::weights {

class Dora final : public Adapter {
 public:
  // `direction` has strength 1; m: [out, 1, …] or [1, in, …]. Throws kBadFile when m does not fit the layer.
  Dora(std::shared_ptr<const Adapter> direction, Tensor m, const Shape& layer, double strength = 1);

  // A LoRA with a length a row, which is that of `weight`: the layer starts as it was.
  static std::shared_ptr<const Adapter> fresh(const Tensor& weight, const AdapterSize& size,
                                              CounterRandom random);

  // Strengths between: W + strength·(W' − W).
  Tensor changed(const Tensor& weight) const override;
  std::vector<AdapterPart> parts() const override;

 private:
  std::shared_ptr<const Adapter> direction_;
  Tensor m_;
  double strength_;
};

}  // namespace dq::weights
