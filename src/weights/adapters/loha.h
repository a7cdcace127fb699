#pragma once
// LoHa: the element-wise product of two low-rank matrices (Hyeon-Woo et al. 2021, FedPara), as LyCORIS stores
// it: W + alpha/rank·(w1_a·w1_b)⊙(w2_a·w2_b). A convolution's kernel is [out, in·kh·kw] there.
#include "weights/adapters/parts.h"

namespace dq::weights {

class Loha final : public Adapter {
 public:
  // Throws kBadFile when a tensor is missing or does not fit, kUnsupported for cores of Tucker's form
  // (hada_t1).
  static std::shared_ptr<const Adapter> read(const AdapterTensors& tensors, const Shape& layer,
                                             double strength);
  // Normal numbers (w1_a with a deviation of 0.1), w2_a 0: the layer starts as it was.
  static std::shared_ptr<const Adapter> fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                              CounterRandom random);

  Tensor changed(const Tensor& weight) const override;
  std::vector<AdapterPart> parts() const override;

 private:
  Tensor w1_a_, w1_b_, w2_a_, w2_b_;
  double alpha_ = 0, strength_ = 1;
};

}  // namespace dq::weights
