#pragma once
// The KL autoencoder of latent diffusion (Kingma & Welling 2014; Esser et al. 2021; Rombach et al. 2022).
#include <optional>
#include <vector>

#include "models/family.h"
#include "nn/layers.h"

namespace dq::models::autoencoder_kl {

// x + conv(silu(norm(conv(silu(norm x))))), with a 1×1 shortcut where the channels change.
class ResBlock {
 public:
  ResBlock(const weights::Loader& at, std::int64_t in, std::int64_t out);
  Tensor operator()(Tensor x) const;  // [N, H, W, in] → [N, H, W, out]

 private:
  ops::Affine norm1_, norm2_;
  nn::Conv2d conv1_, conv2_, shortcut_;
  bool has_shortcut_;
};

// One-headed self-attention over all pixels.
class AttentionBlock {
 public:
  AttentionBlock(const weights::Loader& at, std::int64_t channels);
  Tensor operator()(const Tensor& x) const;

 private:
  std::int64_t channels_;
  ops::Affine norm_;
  nn::StackedLinear qkv_;
  nn::Linear out_;
};

struct Middle {
  Middle(const weights::Loader& at, std::int64_t channels);
  Tensor operator()(Tensor x) const;
  ResBlock block1;
  AttentionBlock attention;
  ResBlock block2;
};

// Widths and depths, read from shapes.
struct Config {
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> channels;  // a level each, from full resolution down
  int encoder_blocks = 2, decoder_blocks = 3;
  bool has_encoder = true;  // decoder-only files exist
  bool has_quant_convs = true;
};

std::optional<Config> read_config(const weights::TensorTable& table);

class Encoder {
 public:
  Encoder(const weights::Loader& at, const Config& config);
  Tensor operator()(const Tensor& image) const;  // [N, H, W, 3] → [N, H/8, W/8, 2·latent]

 private:
  nn::Conv2d conv_in_, conv_out_;
  std::vector<std::vector<ResBlock>> levels_;
  std::vector<nn::Conv2d> downs_;
  std::optional<Middle> middle_;
  ops::Affine norm_out_;
};

class Decoder {
 public:
  Decoder(const weights::Loader& at, const Config& config);
  Tensor operator()(const Tensor& latent) const;  // [N, h, w, latent] → [N, 8h, 8w, 3]

 private:
  nn::Conv2d conv_in_, conv_out_;
  std::optional<Middle> middle_;
  std::vector<std::vector<ResBlock>> levels_;  // deepest first
  std::vector<nn::Conv2d> ups_;
  ops::Affine norm_out_;
};

class AutoencoderKl final : public Vae {
 public:
  // `table` in canonical names. Throws kBadFile when parameters are missing or misshapen.
  AutoencoderKl(const weights::TensorTable& table, const Config& config, Device& device,
                weights::Purpose purpose = weights::Purpose::kPaint);

  Tensor encode(const Tensor& image) const override;  // throws kUnsupported for a decoder-only file
  Tensor decode(const Tensor& latent) const override;
  std::int64_t decode_bytes(std::int64_t h, std::int64_t w) const override;
  std::int64_t encode_bytes(std::int64_t h, std::int64_t w) const override;
  const weights::Parameters& parameters() const override { return parameters_; }

 private:
  Config config_;
  weights::Parameters parameters_;
  std::optional<Encoder> encoder_;
  std::optional<Decoder> decoder_;
  nn::Conv2d quant_, post_quant_;
};

}  // namespace dq::models::autoencoder_kl
