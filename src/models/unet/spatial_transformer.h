#pragma once
// Transformer blocks over the pixels of a feature map, attending to the text (Rombach et al. 2022, §3.3).
#include <vector>

#include "nn/layers.h"

namespace dq::models::unet {

// x += self-attention(norm1 x); x += cross-attention(norm2 x, context); x += feed-forward(norm3 x).
class TransformerBlock {
 public:
  TransformerBlock(const weights::Loader& at, std::int64_t channels, std::int64_t context_dim, int heads);

  // x: [N, T, channels], context: [N, Tc, context_dim].
  Tensor operator()(const Tensor& x, const Tensor& context) const;

 private:
  int heads_;
  ops::Affine norm1_, norm2_, norm3_;
  nn::StackedLinear self_qkv_, cross_kv_;
  nn::Linear self_out_, cross_q_, cross_out_, ff_out_;
  nn::GegluLinear ff_in_;
};

class SpatialTransformer {
 public:
  SpatialTransformer(const weights::Loader& at, std::int64_t channels, std::int64_t context_dim, int heads,
                     int depth);

  // x: [N, H, W, channels], context: [N, Tc, context_dim].
  Tensor operator()(const Tensor& x, const Tensor& context) const;

 private:
  ops::Affine norm_;
  nn::Linear proj_in_, proj_out_;  // 1×1 convolutions or matrices: the same product on channels-last data
  std::vector<TransformerBlock> blocks_;
};

}  // namespace dq::models::unet
