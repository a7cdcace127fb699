#pragma once
// LoRA (Hu et al. 2021): y + alpha/rank·up(down(x)), beside a linear layer or a convolution. Of a k×k
// convolution, `down` is a k×k convolution with the layer's stride and padding, `up` a 1×1 one.
#include "weights/adapters/parts.h"

namespace dq::weights {

class Lora final : public Adapter {
 public:
  // down: [rank, in] or [rank, in, kh, kw]; up: [out, rank] or [out, rank, 1, 1]. f32; may be leaves. Throws
  // kBadFile when their ranks differ.
  Lora(Tensor down, Tensor up, double alpha, double strength = 1);

  // Throws kBadFile when a tensor is missing or does not fit a layer of this shape.
  static std::shared_ptr<const Adapter> read(const AdapterTensors& tensors, const Shape& layer,
                                             double strength);
  // `down` uniform, `up` 0: the layer starts as it was.
  static std::shared_ptr<const Adapter> fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                              CounterRandom random);

  bool changes_weight() const override { return false; }
  ops::LowRank low_rank() const override;
  Tensor side(const Tensor& x, const Tensor& y, const ops::Conv2dOptions& layer) const override;
  Tensor changed(const Tensor& weight) const override;
  std::vector<AdapterPart> parts() const override;

  const Tensor& down() const { return down_; }
  const Tensor& up() const { return up_; }
  double alpha() const { return alpha_; }
  std::int64_t rank() const { return down_.dim(0); }

 private:
  double scale() const { return strength_ * alpha_ / static_cast<double>(rank()); }

  Tensor down_, up_;
  double alpha_, strength_;
};

}  // namespace dq::weights
