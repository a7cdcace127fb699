#include "models/unet/spatial_transformer.h"

#include <string>

#include "ops/attention.h"

namespace dq::models::unet {

using ops::Activation;
using weights::Loader;

TransformerBlock::TransformerBlock(const Loader& at, std::int64_t channels, std::int64_t context_dim,
                                   int heads)
    : heads_(heads),
      norm1_(at.affine("norm1", channels)),
      norm2_(at.affine("norm2", channels)),
      norm3_(at.affine("norm3", channels)),
      self_qkv_(at.at("attn1"), {"to_q", "to_k", "to_v"}, channels, channels, false),
      cross_kv_(at.at("attn2"), {"to_k", "to_v"}, context_dim, channels, false),
      self_out_(at.at("attn1.to_out.0"), channels, channels),
      cross_q_(at.at("attn2.to_q"), channels, channels, false),
      cross_out_(at.at("attn2.to_out.0"), channels, channels),
      ff_out_(at.at("ff.net.2"), 4 * channels, channels),
      ff_in_(at.at("ff.net.0.proj"), channels, 4 * channels) {}

Tensor TransformerBlock::operator()(const Tensor& x, const Tensor& context) const {
  const ops::AttentionOptions options{.heads = heads_};
  Tensor h = x;
  {
    const std::vector<Tensor> qkv = self_qkv_(ops::layer_norm(h, norm1_, 1e-5f));
    h = self_out_(ops::attention(qkv[0], qkv[1], qkv[2], options), Activation::kNone, &h);
  }
  {
    const Tensor q = cross_q_(ops::layer_norm(h, norm2_, 1e-5f));
    const std::vector<Tensor> kv = cross_kv_(context);
    h = cross_out_(ops::attention(q, kv[0], kv[1], options), Activation::kNone, &h);
  }
  return ff_out_(ff_in_(ops::layer_norm(h, norm3_, 1e-5f)), Activation::kNone, &h);
}

SpatialTransformer::SpatialTransformer(const Loader& at, std::int64_t channels, std::int64_t context_dim,
                                       int heads, int depth)
    : norm_(at.affine("norm", channels)),
      proj_in_(at.at("proj_in"), channels, channels),
      proj_out_(at.at("proj_out"), channels, channels) {
  for (int i = 0; i < depth; ++i) {
    blocks_.emplace_back(at.at("transformer_blocks." + std::to_string(i)), channels, context_dim, heads);
  }
}

Tensor SpatialTransformer::operator()(const Tensor& x, const Tensor& context) const {
  const Shape image = x.shape();
  const Shape tokens{x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
  Tensor h = proj_in_(ops::group_norm(x, 32, norm_, 1e-6f).reshape(tokens));
  for (const TransformerBlock& block : blocks_) h = block(h, context);
  const Tensor residual = x.reshape(tokens);
  return proj_out_(h, Activation::kNone, &residual).reshape(image);
}

}  // namespace dq::models::unet
