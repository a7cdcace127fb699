#pragma once
// The U-Net's residual block: x + conv(silu(norm(conv(silu(norm(x))) + time))).
#include "nn/layers.h"

namespace dq::models::unet {

class ResBlock {
 public:
  ResBlock(const weights::Loader& at, std::int64_t in, std::int64_t out, std::int64_t time_dim);

  // x: [N, H, W, in], time: [N, time_dim], already through SiLU → [N, H, W, out].
  Tensor operator()(const Tensor& x, const Tensor& silu_time) const;

 private:
  ops::Affine norm1_, norm2_;
  nn::Conv2d conv1_, conv2_, skip_;
  nn::Linear time_proj_;
  bool has_skip_;
};

}  // namespace dq::models::unet
