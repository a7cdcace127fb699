#include "models/unet/way_down.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/timestep_embedding.h"
#include "ops/elementwise.h"

namespace dq::models::unet {

using ops::Activation;
using weights::Loader;

WayDown::WayDown(const Loader& at, const Config& config)
    : device_(&at.device()),
      in_channels_(config.in_channels),
      model_channels_(config.model_channels),
      has_vector_(config.vector_dim > 0) {
  const std::int64_t first = config.model_channels, time_dim = 4 * first;
  time1_ = nn::Linear(at.at("time_embed.0"), first, time_dim);
  time2_ = nn::Linear(at.at("time_embed.2"), time_dim, time_dim);
  if (has_vector_) {
    vector1_ = nn::Linear(at.at("label_emb.0.0"), config.vector_dim, time_dim);
    vector2_ = nn::Linear(at.at("label_emb.0.2"), time_dim, time_dim);
  }
  conv_in_ = nn::Conv2d(at.at("input_blocks.0.0"), config.in_channels, first, 3);
  load_blocks(at, config);
  load_middle(at, config);
}

void WayDown::load_blocks(const Loader& at, const Config& config) {
  std::int64_t channels = config.model_channels;
  skip_channels_.push_back(channels);
  const std::int64_t time_dim = 4 * channels;
  for (std::size_t l = 0; l < config.levels.size(); ++l) {
    const Level& level = config.levels[l];
    for (const int depth : level.input_depths) {
      const Loader block = at.at(fmt::format("input_blocks.{}", skip_channels_.size()));
      Stage& b = blocks_.emplace_back();
      b.residual.emplace(block.at("0"), channels, level.channels, time_dim);
      channels = level.channels;
      if (depth > 0) {
        b.attention.emplace(block.at("1"), channels, config.context_dim, config.heads_for(channels), depth);
      }
      skip_channels_.push_back(channels);
    }
    if (l + 1 == config.levels.size()) break;
    const Loader block = at.at(fmt::format("input_blocks.{}", skip_channels_.size()));
    blocks_.emplace_back().down.emplace(block.at("0.op"), channels, channels, 3, 2);
    skip_channels_.push_back(channels);
  }
}

void WayDown::load_middle(const Loader& at, const Config& config) {
  if (config.middle_depth == -2) return;
  const std::int64_t channels = config.levels.back().channels, time_dim = 4 * config.model_channels;
  middle_.emplace_back().residual.emplace(at.at("middle_block.0"), channels, channels, time_dim);
  if (config.middle_depth < 0) return;
  middle_[0].attention.emplace(at.at("middle_block.1"), channels, config.context_dim,
                               config.heads_for(channels), config.middle_depth);
  middle_.emplace_back().residual.emplace(at.at("middle_block.2"), channels, channels, time_dim);
}

Tensor WayDown::time_embedding(const DenoiserInput& input) const {
  std::vector<double> timesteps = input.timesteps;
  const auto images = static_cast<std::size_t>(input.x.dim(0));
  if (timesteps.size() == 1) timesteps.resize(images, timesteps[0]);
  if (timesteps.size() != images) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} timesteps for {} latents", timesteps.size(), images));
  }
  const Tensor sinusoid = nn::timestep_embedding(*device_, timesteps, model_channels_);
  Tensor time = time2_(time1_(sinusoid, Activation::kSilu));
  if (has_vector_) time = vector2_(vector1_(input.pooled, Activation::kSilu), Activation::kNone, &time);
  return ops::activate(time, Activation::kSilu);
}

std::vector<Tensor> WayDown::operator()(const Tensor& x, const Tensor& silu_time, const DenoiserInput& input,
                                        const Tensor* hint) const {
  if (x.dim(1) != in_channels_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("this U-Net takes {} latent channels, not {}", in_channels_, x.dim(1)));
  }
  Tensor h = conv_in_(ops::contiguous(x.permute({0, 2, 3, 1})), {.residual = hint});
  std::vector<Tensor> made{h};
  for (const Stage& block : blocks_) {
    h = block.run(std::move(h), silu_time, input);
    made.push_back(h);
  }
  return made;
}

Tensor WayDown::middle(Tensor h, const Tensor& silu_time, const DenoiserInput& input) const {
  for (const Stage& block : middle_) h = block.run(std::move(h), silu_time, input);
  return h;
}

}  // namespace dq::models::unet
