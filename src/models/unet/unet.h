#pragma once
// The U-Net of latent diffusion (Rombach et al. 2022; Dhariwal & Nichol 2021), for every family that has one.
#include <memory>
#include <vector>

#include "models/family.h"
#include "models/unet/way_down.h"

namespace dq::models::unet {

class Unet final : public Denoiser {
 public:
  // `table` in canonical names. Throws kBadFile when parameters are missing or misshapen.
  Unet(const weights::TensorTable& table, const Config& config, Device& device,
       const weights::LoadOptions& options = {});

  // x (and concat): [N, C, h, w] with h, w > 0 of any size; context: [N, T, context_dim]. Control nets add to
  // the skips and to what the middle makes.
  Tensor operator()(const DenoiserInput& input) const override;
  const weights::Parameters& parameters() const override { return parameters_; }

 private:
  void load_output_blocks(const weights::Loader& at, const Config& config);

  weights::Parameters parameters_;
  WayDown way_down_;
  nn::Conv2d conv_out_;
  ops::Affine norm_out_;
  std::vector<Stage> output_blocks_;
};

}  // namespace dq::models::unet
