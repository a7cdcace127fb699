#include "models/unet/step_memory.h"

#include <algorithm>

namespace dq::models::unet {
namespace {

// Kernels' own scratch at its most (transformed Winograd tiles, packed keys and values): bounded by constants
// there, whatever the size of the picture.
constexpr std::int64_t kScratchBytes = 8 << 20;

// Walks the blocks and keeps the most that was alive. All amounts are numbers of f32.
class Walk {
 public:
  Walk(const Config& config, const StepShape& shape) : config_(config), shape_(shape) {
    for (std::size_t l = 0; l < config.levels.size(); ++l) {
      // Down-sampling halves and rounds up.
      const std::int64_t round = (std::int64_t{1} << l) - 1;
      pixels_.push_back(shape.images * ((shape.h + round) >> l) * ((shape.w + round) >> l));
    }
  }

  std::int64_t run() {
    std::int64_t channels = config_.model_channels;
    const std::size_t levels = config_.levels.size();
    keep(channels * pixels_[0]);
    for (std::size_t l = 0; l < levels; ++l) {
      for (const int depth : config_.levels[l].input_depths) {
        channels = block(l, {channels, true}, config_.levels[l].channels, depth);
        keep(channels * pixels_[l]);
      }
      if (l + 1 < levels) keep(channels * pixels_[l + 1]);
    }
    const std::size_t deepest = levels - 1;
    if (shape_.control_nets > 0) add_residuals(channels * pixels_[deepest]);
    if (config_.middle_depth > -2)
      block(deepest, {channels, false}, channels, std::max(config_.middle_depth, 0));
    for (std::size_t l = levels; l-- > 0;) {
      for (std::size_t i = 0; i < config_.levels[l].output_depths.size() && !skips_.empty(); ++i) {
        const std::int64_t skip = skips_.back(), joined = channels + skip / pixels_[l];
        need(joined * pixels_[l] + channels * pixels_[l]);  // both parts and what they become
        skips_.pop_back();
        held_ -= skip;
        channels = block(l, {joined, false}, config_.levels[l].channels, config_.levels[l].output_depths[i]);
      }
      if (l > 0) need(channels * (pixels_[l] + pixels_[l - 1]));
    }
    need(2 * channels * pixels_[0]);  // the last normalisation
    return peak_;
  }

 private:
  // What control nets add lies there until it is used, and what the next net makes beside it while they are
  // summed. Each is as large as the skip it is for.
  void add_residuals(std::int64_t middle) {
    std::int64_t residuals = middle;
    for (const std::int64_t skip : skips_) residuals += skip;
    held_ += residuals * std::min(shape_.control_nets, 2);
    need(0);
  }
  void keep(std::int64_t floats) {
    skips_.push_back(floats);
    held_ += floats;
    need(0);
  }
  void need(std::int64_t floats) { peak_ = std::max(peak_, held_ + floats); }

  struct Input {
    std::int64_t channels;
    bool is_skip;  // counted already
  };
  // One stage with `out` channels as its result.
  std::int64_t block(std::size_t level, Input from, std::int64_t out, int depth) {
    const std::int64_t p = pixels_[level], in = from.channels;
    // The residual block: its input with the normalised form and the first result; then, beside the input,
    // two maps of `out`, the result and a shortcut where the channels change.
    const std::int64_t input = from.is_skip ? 0 : in * p;
    need(input + std::max(in * p + out * p, (in == out ? 2 : 3) * out * p));
    if (depth == 0) return out;
    // A transformer, all of `out` channels beside its own input: q, k, v with the attention's result and its
    // projection; or the feed-forward block, whose inner map is 4 wide.
    const std::int64_t text = shape_.images * shape_.tokens * 2 * out;
    need(out * p + 8 * out * p);
    need(out * p + 5 * out * p + text);
    return out;
  }

  const Config& config_;
  const StepShape& shape_;
  std::vector<std::int64_t> pixels_, skips_;
  std::int64_t held_ = 0, peak_ = 0;
};

}  // namespace

std::int64_t step_bytes(const Config& config, const StepShape& shape) {
  if (config.levels.empty()) return 0;
  const std::int64_t inputs = shape.images * shape.h * shape.w * 2 * config.in_channels;
  return (Walk(config, shape).run() + inputs) * static_cast<std::int64_t>(sizeof(float)) + kScratchBytes;
}

}  // namespace dq::models::unet
