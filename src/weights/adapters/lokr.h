#pragma once
// LoKr: a Kronecker product (Edalati et al. 2022, KronA), as LyCORIS stores it: W + alpha/rank·(w1 ⊗ w2),
// where either factor may itself be a product of two, w1_a·w1_b. A convolution's kernel belongs to w2.
#include "weights/adapters/parts.h"

namespace dq::weights {

class Lokr final : public Adapter {
 public:
  // Throws kBadFile when a tensor is missing or does not fit, kUnsupported for cores of Tucker's form
  // (lokr_t2).
  static std::shared_ptr<const Adapter> read(const AdapterTensors& tensors, const Shape& layer,
                                             double strength);
  // Sizes are divided as nearly in half as they can be; w2 is a product when the rank is small enough for
  // that to save something. The second half of w2 is 0: the layer starts as it was.
  static std::shared_ptr<const Adapter> fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                              CounterRandom random);

  Tensor changed(const Tensor& weight) const override;
  std::vector<AdapterPart> parts() const override;

 private:
  // w, or a·b when that is what there is.
  struct Factor {
    Tensor whole, a, b;
    Tensor matrix() const { return whole.defined() ? as_matrix(whole) : product(a, as_matrix(b)); }
    std::int64_t rows() const { return whole.defined() ? whole.dim(0) : a.dim(0); }
  };
  static Factor factor(const AdapterTensors& tensors, const std::string& name);
  // alpha/rank where a factor has a rank; two whole factors count as they are.
  double scale() const;

  Factor first_, second_;
  double alpha_ = 1, strength_ = 1;
};

}  // namespace dq::weights
