#pragma once
// The control net of latent diffusion: a copy of the U-Net's way down that reads a picture, and a 1×1
// convolution after every block, zero at first (Zhang et al. 2023, §3).
#include <array>
#include <vector>

#include "models/control.h"
#include "models/unet/way_down.h"

namespace dq::models::unet {

// Is this file a control net of that kind, in whatever layout? An empty table when it is not. Canonical are
// the original's names without prefix: those of a U-Net's way down, "input_hint_block.0", "zero_convs.0.0",
// "middle_block_out.0". Throws kUnsupported for weights that are only differences to a U-Net's.
weights::TensorTable locate_control_net(const weights::TensorTable& file);

// A table for a control net that adds nothing yet: the way down as the U-Net has it, everything else 0.
// `unet` in canonical names.
weights::TensorTable fresh_control_net(const weights::TensorTable& unet, const Config& config);

// What diffusers calls a parameter of a control net; nothing for a name that is none.
std::optional<std::string> diffusers_control_name(std::string_view canonical, int residual_blocks);

class UnetControlNet final : public ControlNet {
 public:
  // `table` in canonical names. Throws kBadFile when parameters are missing or misshapen.
  UnetControlNet(const weights::TensorTable& table, const Config& config, Device& device,
                 weights::Purpose purpose = weights::Purpose::kPaint);

  Tensor encode(const Tensor& picture) const override;  // [N, H/8, W/8, model_channels]
  // One for every input block, [N, h, w, C], and the middle's last.
  std::vector<Tensor> operator()(const DenoiserInput& input, const Tensor& hint) const override;
  const weights::Parameters& parameters() const override { return parameters_; }

 private:
  weights::Parameters parameters_;
  std::array<nn::Conv2d, 8> hint_;
  WayDown way_down_;
  std::vector<nn::Conv2d> zero_convs_;
  nn::Conv2d middle_out_;
};

}  // namespace dq::models::unet
