#pragma once
// One entry of a U-Net's input_blocks, middle_block or output_blocks.
#include <optional>

#include "models/family.h"
#include "models/unet/res_block.h"
#include "models/unet/spatial_transformer.h"

namespace dq::models::unet {

// Whichever of these parts it has, in this order. `up` is left to the caller, who knows the size to reach.
struct Stage {
  std::optional<ResBlock> residual;
  std::optional<SpatialTransformer> attention;
  std::optional<nn::Conv2d> down, up;

  // h: [N, H, W, C], let go as soon as its first part is through; silu_time: [N, time_dim]. Runs as one block
  // of input.around.
  Tensor run(Tensor h, const Tensor& silu_time, const DenoiserInput& input) const;
};

}  // namespace dq::models::unet
