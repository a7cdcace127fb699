#pragma once
// The half of a U-Net that control nets have as well: the time embedding, the way down, the middle.
#include <vector>

#include "models/unet/config.h"
#include "models/unet/stage.h"

namespace dq::models::unet {

class WayDown {
 public:
  WayDown() = default;
  WayDown(const weights::Loader& at, const Config& config);

  // SiLU of the embedding, [N, 4·model_channels]: every use of it begins with that. Throws kInvalidArgument
  // when there are neither one timestep nor N.
  Tensor time_embedding(const DenoiserInput& input) const;
  // What every input block makes, the first first. x: [N, in_channels, h, w]; `hint` is added to what the
  // first block makes: [N, h, w, model_channels]; null: nothing.
  std::vector<Tensor> operator()(const Tensor& x, const Tensor& silu_time, const DenoiserInput& input,
                                 const Tensor* hint = nullptr) const;
  Tensor middle(Tensor h, const Tensor& silu_time, const DenoiserInput& input) const;

  // Channels of what every input block makes.
  const std::vector<std::int64_t>& skip_channels() const { return skip_channels_; }

 private:
  void load_blocks(const weights::Loader& at, const Config& config);
  void load_middle(const weights::Loader& at, const Config& config);

  Device* device_ = nullptr;
  std::int64_t in_channels_ = 0, model_channels_ = 0;
  bool has_vector_ = false;
  nn::Linear time1_, time2_, vector1_, vector2_;
  nn::Conv2d conv_in_;
  std::vector<Stage> blocks_, middle_;
  std::vector<std::int64_t> skip_channels_;
};

}  // namespace dq::models::unet
