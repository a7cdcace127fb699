#include "models/unet/unet.h"

#include <fmt/format.h>

#include "models/control.h"
#include "ops/elementwise.h"
#include "ops/upsample.h"

namespace dq::models::unet {

using weights::Loader;

Unet::Unet(const weights::TensorTable& table, const Config& config, Device& device,
           const weights::LoadOptions& options) {
  const Loader at(table, device, "the U-Net", options);
  way_down_ = WayDown(at, config);
  load_output_blocks(at, config);
  norm_out_ = at.affine("out.0", config.model_channels);
  conv_out_ = nn::Conv2d(at.at("out.2"), config.model_channels, config.out_channels, 3);
  at.finish();
  parameters_ = at.parameters();
}

void Unet::load_output_blocks(const Loader& at, const Config& config) {
  std::int64_t channels = config.levels.back().channels;
  const std::int64_t time_dim = 4 * config.model_channels;
  std::vector<std::int64_t> skips = way_down_.skip_channels();
  for (std::size_t l = config.levels.size(); l-- > 0;) {
    const Level& level = config.levels[l];
    for (std::size_t i = 0; i < level.output_depths.size(); ++i) {
      const Loader block = at.at(fmt::format("output_blocks.{}", output_blocks_.size()));
      Stage& b = output_blocks_.emplace_back();
      b.residual.emplace(block.at("0"), channels + skips.back(), level.channels, time_dim);
      skips.pop_back();
      channels = level.channels;
      const int depth = level.output_depths[i];
      if (depth > 0) {
        b.attention.emplace(block.at("1"), channels, config.context_dim, config.heads_for(channels), depth);
      }
      if (l > 0 && i + 1 == level.output_depths.size()) {
        b.up.emplace(block.at(depth > 0 ? "2.conv" : "1.conv"), channels, channels, 3);
      }
    }
  }
}

Tensor Unet::operator()(const DenoiserInput& input) const {
  const Tensor x = input.concat.defined() ? ops::concat({input.x, input.concat}, 1) : input.x;
  std::vector<Tensor> added = control_residuals(input);
  const Tensor time = way_down_.time_embedding(input);
  std::vector<Tensor> skips = way_down_(x, time, input);
  Tensor h = way_down_.middle(skips.back(), time, input);
  // What control nets add to the tensor that is taken next: the middle's first, then the skips' backwards.
  const auto controlled = [&added](Tensor t) {
    if (added.empty()) return t;
    const Tensor more = std::move(added.back());
    added.pop_back();
    return ops::add(t, more);
  };
  h = controlled(std::move(h));
  for (const Stage& block : output_blocks_) {
    h = ops::concat({h, controlled(std::move(skips.back()))}, 3);
    skips.pop_back();
    h = block.run(std::move(h), time, input);
    if (!block.up) continue;
    // The skip that comes next says how large the result must be: odd sizes were halved rounding up.
    const Tensor& next = skips.back();
    const bool doubled = next.dim(1) == 2 * h.dim(1) && next.dim(2) == 2 * h.dim(2);
    h = doubled ? (*block.up)(h, {.upsample_input = true})
                : (*block.up)(ops::upsample_nearest(h, next.dim(1), next.dim(2)));
  }
  h = conv_out_(ops::group_norm(h, 32, norm_out_, 1e-5f, ops::Activation::kSilu));
  return ops::contiguous(h.permute({0, 3, 1, 2}));
}

}  // namespace dq::models::unet
