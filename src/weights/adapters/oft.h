#pragma once
// OFT (Qiu et al. 2023): rows of a weight turned in blocks, W' = Rᵀ·W with Cayley's R = (1 + Q)(1 − Q)⁻¹ and
// Q = B − Bᵀ, as LyCORIS ("diag-oft") stores it: oft_blocks B [blocks, n, n] with blocks·n = out, `alpha` the
// most that ‖Q‖ may be for each row (0: any), `rescale` [out, 1, …] times the result.
#include "weights/adapters/parts.h"

namespace dq::weights {

class Oft final : public Adapter {
 public:
  // Throws kBadFile when a tensor is missing or does not fit, kUnsupported for BOFT's butterflies (4 axes).
  static std::shared_ptr<const Adapter> read(const AdapterTensors& tensors, const Shape& layer,
                                             double strength);
  // Blocks of about `size.rank` rows, all 0: the layer starts as it was.
  static std::shared_ptr<const Adapter> fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                              CounterRandom random);

  // Strengths between: W + strength·(W' − W).
  Tensor changed(const Tensor& weight) const override;
  std::vector<AdapterPart> parts() const override;

 private:
  Tensor skew() const;  // Q

  Tensor blocks_, rescale_;  // rescale_ may be undefined
  double constraint_ = 0, strength_ = 1;
};

}  // namespace dq::weights
