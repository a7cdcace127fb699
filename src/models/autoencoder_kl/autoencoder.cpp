#include "models/autoencoder_kl/autoencoder.h"

#include <fmt/format.h>

#include "ops/elementwise.h"

namespace dq::models::autoencoder_kl {

using ops::Activation;
using weights::Loader;
using weights::TensorTable;

std::optional<Config> read_config(const TensorTable& table) {
  const files::TensorEntry* first = table.find("decoder.conv_in.weight");
  if (!first || first->shape.size() != 4) return std::nullopt;
  Config config;
  config.latent_channels = first->shape[1];
  config.has_encoder = table.has("encoder.conv_in.weight");
  config.has_quant_convs = table.has("post_quant_conv.weight");
  for (int level = 0;; ++level) {
    const std::int64_t width = table.dim(fmt::format("decoder.up.{}.block.0.conv1.weight", level), 0);
    if (width == 0) break;
    config.channels.push_back(width);
  }
  config.decoder_blocks = config.encoder_blocks = 0;
  while (table.has(fmt::format("decoder.up.0.block.{}.conv1.weight", config.decoder_blocks)))
    ++config.decoder_blocks;
  while (table.has(fmt::format("encoder.down.0.block.{}.conv1.weight", config.encoder_blocks)))
    ++config.encoder_blocks;
  if (config.channels.empty()) return std::nullopt;
  return config;
}

Encoder::Encoder(const Loader& at, const Config& config)
    : conv_in_(at.at("conv_in"), 3, config.channels.front(), 3) {
  std::int64_t channels = config.channels.front();
  for (std::size_t l = 0; l < config.channels.size(); ++l) {
    const Loader level = at.at(fmt::format("down.{}", l));
    std::vector<ResBlock>& blocks = levels_.emplace_back();
    for (int i = 0; i < config.encoder_blocks; ++i) {
      blocks.emplace_back(level.at(fmt::format("block.{}", i)), channels, config.channels[l]);
      channels = config.channels[l];
    }
    if (l + 1 < config.channels.size())
      downs_.emplace_back(level.at("downsample.conv"), channels, channels, 3, 2);
  }
  middle_.emplace(at.at("mid"), channels);
  norm_out_ = at.affine("norm_out", channels);
  conv_out_ = nn::Conv2d(at.at("conv_out"), channels, 2 * config.latent_channels, 3);
}

Tensor Encoder::operator()(const Tensor& image) const {
  Tensor h = conv_in_(image);
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    for (const ResBlock& block : levels_[l]) h = block(std::move(h));
    if (l < downs_.size()) h = downs_[l].padded_right_below(h);
  }
  h = (*middle_)(std::move(h));
  return conv_out_(ops::group_norm(h, 32, norm_out_, 1e-6f, Activation::kSilu));
}

Decoder::Decoder(const Loader& at, const Config& config)
    : conv_in_(at.at("conv_in"), config.latent_channels, config.channels.back(), 3) {
  std::int64_t channels = config.channels.back();
  middle_.emplace(at.at("mid"), channels);
  for (std::size_t l = config.channels.size(); l-- > 0;) {
    const Loader level = at.at(fmt::format("up.{}", l));
    std::vector<ResBlock>& blocks = levels_.emplace_back();
    for (int i = 0; i < config.decoder_blocks; ++i) {
      blocks.emplace_back(level.at(fmt::format("block.{}", i)), channels, config.channels[l]);
      channels = config.channels[l];
    }
    if (l > 0) ups_.emplace_back(level.at("upsample.conv"), channels, channels, 3);
  }
  norm_out_ = at.affine("norm_out", channels);
  conv_out_ = nn::Conv2d(at.at("conv_out"), channels, 3, 3);
}

Tensor Decoder::operator()(const Tensor& latent) const {
  Tensor h = (*middle_)(conv_in_(latent));
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    for (const ResBlock& block : levels_[l]) h = block(std::move(h));
    if (l < ups_.size()) h = ups_[l](h, {.upsample_input = true});
  }
  h = ops::group_norm(h, 32, norm_out_, 1e-6f, Activation::kSilu);
  return conv_out_(h);
}

AutoencoderKl::AutoencoderKl(const TensorTable& table, const Config& config, Device& device,
                             weights::Purpose purpose)
    : config_(config) {
  const Loader at(table, device, "the VAE", purpose);
  decoder_.emplace(at.at("decoder"), config);
  if (config.has_encoder) encoder_.emplace(at.at("encoder"), config);
  if (config.has_quant_convs) {
    post_quant_ = nn::Conv2d(at.at("post_quant_conv"), config.latent_channels, config.latent_channels, 1);
    if (config.has_encoder) {
      quant_ = nn::Conv2d(at.at("quant_conv"), 2 * config.latent_channels, 2 * config.latent_channels, 1);
    }
  }
  at.finish();
  parameters_ = at.parameters();
}

Tensor AutoencoderKl::encode(const Tensor& image) const {
  if (!encoder_) {
    throw Error(ErrorCode::kUnsupported, "this VAE file has no encoder")
        .hint("Painting over a picture needs a whole VAE; give one with --vae");
  }
  Tensor moments = (*encoder_)(image);
  if (config_.has_quant_convs) moments = quant_(moments);
  const Tensor mean = moments.slice(3, 0, config_.latent_channels);
  return ops::contiguous(mean.permute({0, 3, 1, 2}));
}

Tensor AutoencoderKl::decode(const Tensor& latent) const {
  Tensor z = ops::contiguous(latent.permute({0, 2, 3, 1}));
  if (config_.has_quant_convs) z = post_quant_(z);
  return (*decoder_)(z);
}

// At the peak, one residual block of the widest full-resolution level holds four maps: its input, the
// normalised input, the first convolution's result and its normalised form. The first decoder block of a
// level sees the channels of the level below it.
std::int64_t AutoencoderKl::decode_bytes(std::int64_t h, std::int64_t w) const {
  const std::size_t levels = config_.channels.size();
  const std::int64_t scale = std::int64_t{1} << (levels - 1);
  const std::int64_t widest = config_.channels[levels > 1 ? 1 : 0] + config_.channels[0];
  return h * scale * w * scale * 2 * widest * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t AutoencoderKl::encode_bytes(std::int64_t h, std::int64_t w) const {
  const std::int64_t scale = std::int64_t{1} << (config_.channels.size() - 1);
  return h * scale * w * scale * 4 * config_.channels[0] * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace dq::models::autoencoder_kl
