#include "models/autoencoder_kl/autoencoder.h"
#include "ops/attention.h"

namespace dq::models::autoencoder_kl {

using ops::Activation;
using weights::Loader;

namespace {

constexpr float kEps = 1e-6f;

}  // namespace

ResBlock::ResBlock(const Loader& at, std::int64_t in, std::int64_t out)
    : norm1_(at.affine("norm1", in)),
      norm2_(at.affine("norm2", out)),
      conv1_(at.at("conv1"), in, out, 3),
      conv2_(at.at("conv2"), out, out, 3),
      has_shortcut_(in != out) {
  if (has_shortcut_) shortcut_ = nn::Conv2d(at.at("nin_shortcut"), in, out, 1);
}

Tensor ResBlock::operator()(Tensor x) const {
  Tensor h = conv1_(ops::group_norm(x, 32, norm1_, kEps, Activation::kSilu));
  h = ops::group_norm(h, 32, norm2_, kEps, Activation::kSilu);
  if (has_shortcut_) x = shortcut_(x);
  return conv2_(h, {.residual = &x});
}

AttentionBlock::AttentionBlock(const Loader& at, std::int64_t channels)
    : channels_(channels),
      norm_(at.affine("norm", channels)),
      qkv_(at, {"q", "k", "v"}, channels, channels, true),
      out_(at.at("proj_out"), channels, channels) {}

Tensor AttentionBlock::operator()(const Tensor& x) const {
  const Shape tokens{x.dim(0), x.dim(1) * x.dim(2), channels_};
  const std::vector<Tensor> qkv = qkv_(ops::group_norm(x, 32, norm_, kEps).reshape(tokens));
  const Tensor residual = x.reshape(tokens);
  const Tensor attended = ops::attention(qkv[0], qkv[1], qkv[2], {.heads = 1});
  return out_(attended, Activation::kNone, &residual).reshape(x.shape());
}

Middle::Middle(const Loader& at, std::int64_t channels)
    : block1(at.at("block_1"), channels, channels),
      attention(at.at("attn_1"), channels),
      block2(at.at("block_2"), channels, channels) {}

Tensor Middle::operator()(Tensor x) const {
  return block2(attention(block1(std::move(x))));
}

}  // namespace dq::models::autoencoder_kl
