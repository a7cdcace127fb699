#pragma once
// LoRA (Hu et al. 2021): y + alpha/rank·up(down(x)), beside a linear layer or a convolution. Of a k×k
// convolution, `down` is a k×k convolution with the layer's stride and padding, `up` a 1×1 one.
#include "weights/adapter.h"

namespace dq::weights {

class Lora final : public Adapter {
 public:
  // down: [rank, in] or [rank, in, kh, kw]; up: [out, rank] or [out, rank, 1, 1]. f32; may be leaves. Throws
  // kBadFile when their ranks differ.
  Lora(Tensor down, Tensor up, double alpha, double strength = 1);

  Tensor side(const Tensor& x, const Tensor& y, const AdaptedLayer& layer) const override;

  const Tensor& down() const { return down_; }
  const Tensor& up() const { return up_; }
  double alpha() const { return alpha_; }
  std::int64_t rank() const { return down_.dim(0); }

 private:
  Tensor down_, up_;
  double alpha_, strength_;
};

}  // namespace dq::weights
