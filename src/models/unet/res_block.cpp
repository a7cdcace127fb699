#include "models/unet/res_block.h"

namespace dq::models::unet {

ResBlock::ResBlock(const weights::Loader& at, std::int64_t in, std::int64_t out, std::int64_t time_dim)
    : norm1_(at.affine("in_layers.0", in)),
      norm2_(at.affine("out_layers.0", out)),
      conv1_(at.at("in_layers.2"), in, out, 3),
      conv2_(at.at("out_layers.3"), out, out, 3),
      time_proj_(at.at("emb_layers.1"), time_dim, out),
      has_skip_(in != out) {
  if (has_skip_) skip_ = nn::Conv2d(at.at("skip_connection"), in, out, 1);
}

Tensor ResBlock::operator()(const Tensor& x, const Tensor& silu_time) const {
  const Tensor time = time_proj_(silu_time);
  Tensor h = conv1_(ops::group_norm(x, 32, norm1_, 1e-5f, ops::Activation::kSilu), {.per_image = &time});
  h = ops::group_norm(h, 32, norm2_, 1e-5f, ops::Activation::kSilu);
  if (!has_skip_) return conv2_(h, {.residual = &x});
  const Tensor skip = skip_(x);
  return conv2_(h, {.residual = &skip});
}

}  // namespace dq::models::unet
