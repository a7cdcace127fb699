#include "models/unet/unet.h"

#include <fmt/format.h>

#include "nn/timestep_embedding.h"
#include "ops/elementwise.h"
#include "ops/upsample.h"

namespace dq::models::unet {

using ops::Activation;
using weights::Loader;

Unet::Unet(const weights::TensorTable& table, const Config& config, Device& device, weights::Purpose purpose)
    : config_(config), device_(device) {
  const Loader at(table, device, "the U-Net", purpose);
  const std::int64_t first = config.model_channels, time_dim = 4 * first;
  time1_ = nn::Linear(at.at("time_embed.0"), first, time_dim);
  time2_ = nn::Linear(at.at("time_embed.2"), time_dim, time_dim);
  if (config.vector_dim > 0) {
    vector1_ = nn::Linear(at.at("label_emb.0.0"), config.vector_dim, time_dim);
    vector2_ = nn::Linear(at.at("label_emb.0.2"), time_dim, time_dim);
  }
  conv_in_ = nn::Conv2d(at.at("input_blocks.0.0"), config.in_channels, first, 3);
  load_input_blocks(at);
  load_middle(at);
  load_output_blocks(at);
  norm_out_ = at.affine("out.0", first);
  conv_out_ = nn::Conv2d(at.at("out.2"), first, config.out_channels, 3);
  at.finish();
  parameters_ = at.parameters();
}

void Unet::load_input_blocks(const Loader& at) {
  std::int64_t channels = config_.model_channels;
  skip_channels_.push_back(channels);
  const std::int64_t time_dim = 4 * channels;
  for (std::size_t l = 0; l < config_.levels.size(); ++l) {
    const Level& level = config_.levels[l];
    for (const int depth : level.input_depths) {
      const Loader block = at.at(fmt::format("input_blocks.{}", skip_channels_.size()));
      Stage& b = input_blocks_.emplace_back();
      b.residual.emplace(block.at("0"), channels, level.channels, time_dim);
      channels = level.channels;
      if (depth > 0) {
        b.attention.emplace(block.at("1"), channels, config_.context_dim, config_.heads_for(channels), depth);
      }
      skip_channels_.push_back(channels);
    }
    if (l + 1 == config_.levels.size()) break;
    const Loader block = at.at(fmt::format("input_blocks.{}", skip_channels_.size()));
    input_blocks_.emplace_back().down.emplace(block.at("0.op"), channels, channels, 3, 2);
    skip_channels_.push_back(channels);
  }
}

void Unet::load_middle(const Loader& at) {
  if (config_.middle_depth == -2) return;
  const std::int64_t channels = config_.levels.back().channels, time_dim = 4 * config_.model_channels;
  middle_.emplace_back().residual.emplace(at.at("middle_block.0"), channels, channels, time_dim);
  if (config_.middle_depth < 0) return;
  middle_[0].attention.emplace(at.at("middle_block.1"), channels, config_.context_dim,
                               config_.heads_for(channels), config_.middle_depth);
  middle_.emplace_back().residual.emplace(at.at("middle_block.2"), channels, channels, time_dim);
}

void Unet::load_output_blocks(const Loader& at) {
  std::int64_t channels = config_.levels.back().channels;
  const std::int64_t time_dim = 4 * config_.model_channels;
  std::vector<std::int64_t> skips = skip_channels_;
  for (std::size_t l = config_.levels.size(); l-- > 0;) {
    const Level& level = config_.levels[l];
    for (std::size_t i = 0; i < level.output_depths.size(); ++i) {
      const Loader block = at.at(fmt::format("output_blocks.{}", output_blocks_.size()));
      Stage& b = output_blocks_.emplace_back();
      b.residual.emplace(block.at("0"), channels + skips.back(), level.channels, time_dim);
      skips.pop_back();
      channels = level.channels;
      const int depth = level.output_depths[i];
      if (depth > 0) {
        b.attention.emplace(block.at("1"), channels, config_.context_dim, config_.heads_for(channels), depth);
      }
      if (l > 0 && i + 1 == level.output_depths.size()) {
        b.up.emplace(block.at(depth > 0 ? "2.conv" : "1.conv"), channels, channels, 3);
      }
    }
  }
}

Tensor Unet::time_embedding(const DenoiserInput& input) const {
  std::vector<double> timesteps = input.timesteps;
  if (timesteps.size() == 1) timesteps.resize(static_cast<std::size_t>(input.x.dim(0)), timesteps[0]);
  const Tensor sinusoid = nn::timestep_embedding(device_, timesteps, config_.model_channels);
  Tensor time = time2_(time1_(sinusoid, Activation::kSilu));
  if (config_.vector_dim > 0)
    time = vector2_(vector1_(input.pooled, Activation::kSilu), Activation::kNone, &time);
  return ops::activate(time, Activation::kSilu);  // every use of it begins with this
}

Tensor Unet::run(const Stage& stage, Tensor h, const Tensor& time, const DenoiserInput& input) const {
  // The stage's input is let go as soon as its first part is through.
  const auto through = [&stage](Tensor y, const Tensor& at, const Tensor& context) {
    if (stage.residual) y = (*stage.residual)(y, at);
    if (stage.attention) y = (*stage.attention)(y, context);
    if (stage.down) y = (*stage.down)(y);
    return y;
  };
  if (!input.around) return through(std::move(h), time, input.context);
  const Block block = [through](const std::vector<Tensor>& in) { return through(in[0], in[1], in[2]); };
  return (*input.around)(block, {std::move(h), time, input.context});
}

Tensor Unet::operator()(const DenoiserInput& input) const {
  const Tensor x = input.concat.defined() ? ops::concat({input.x, input.concat}, 1) : input.x;
  if (x.dim(1) != config_.in_channels) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("this U-Net takes {} latent channels, not {}", config_.in_channels, x.dim(1)));
  }
  const std::size_t times = input.timesteps.size();
  if (times != 1 && times != static_cast<std::size_t>(x.dim(0))) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} timesteps for {} latents", times, x.dim(0)));
  }
  const Tensor time = time_embedding(input);
  Tensor h = conv_in_(ops::contiguous(x.permute({0, 2, 3, 1})));
  std::vector<Tensor> skips{h};
  for (const Stage& block : input_blocks_) {
    h = run(block, std::move(h), time, input);
    skips.push_back(h);
  }
  for (const Stage& block : middle_) h = run(block, std::move(h), time, input);
  for (const Stage& block : output_blocks_) {
    h = ops::concat({h, skips.back()}, 3);
    skips.pop_back();
    h = run(block, std::move(h), time, input);
    if (!block.up) continue;
    // The skip that comes next says how large the result must be: odd sizes were halved rounding up.
    const Tensor& next = skips.back();
    const bool doubled = next.dim(1) == 2 * h.dim(1) && next.dim(2) == 2 * h.dim(2);
    h = doubled ? (*block.up)(h, {.upsample_input = true})
                : (*block.up)(ops::upsample_nearest(h, next.dim(1), next.dim(2)));
  }
  h = conv_out_(ops::group_norm(h, 32, norm_out_, 1e-5f, Activation::kSilu));
  return ops::contiguous(h.permute({0, 3, 1, 2}));
}

}  // namespace dq::models::unet
