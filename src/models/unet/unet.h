#pragma once
// The U-Net of latent diffusion (Rombach et al. 2022; Dhariwal & Nichol 2021), for every family that has one.
#include <memory>
#include <optional>
#include <vector>

#include "models/family.h"
#include "models/unet/config.h"
#include "models/unet/res_block.h"
#include "models/unet/spatial_transformer.h"

namespace dq::models::unet {

class Unet final : public Denoiser {
 public:
  // `table` in canonical names. Throws kBadFile when parameters are missing or misshapen.
  Unet(const weights::TensorTable& table, const Config& config, Device& device,
       weights::Purpose purpose = weights::Purpose::kPaint);

  // x (and concat): [N, C, h, w] with h, w > 0 of any size; context: [N, T, context_dim].
  Tensor operator()(const DenoiserInput& input) const override;
  const weights::Parameters& parameters() const override { return parameters_; }

 private:
  // One entry of input_blocks or output_blocks: whichever of these parts it has, in this order.
  struct Stage {
    std::optional<ResBlock> residual;
    std::optional<SpatialTransformer> attention;
    std::optional<nn::Conv2d> down, up;
  };

  void load_input_blocks(const weights::Loader& at);
  void load_middle(const weights::Loader& at);
  void load_output_blocks(const weights::Loader& at);
  Tensor time_embedding(const DenoiserInput& input) const;
  Tensor run(const Stage& stage, Tensor h, const Tensor& time, const DenoiserInput& input) const;

  Config config_;
  Device& device_;
  weights::Parameters parameters_;
  nn::Linear time1_, time2_, vector1_, vector2_;
  nn::Conv2d conv_in_, conv_out_;
  ops::Affine norm_out_;
  std::vector<Stage> input_blocks_, middle_, output_blocks_;
  std::vector<std::int64_t> skip_channels_;  // of every input block's output, for loading the way up
};

}  // namespace dq::models::unet
