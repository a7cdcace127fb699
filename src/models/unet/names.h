#pragma once
// Community layouts of U-Net tensors → canonical names. Canonical are the names of the original latent
// diffusion code without prefix ("input_blocks.1.0.in_layers.2.weight"), which most files and adapters use.
#include "weights/tensor_table.h"

namespace dq::models::unet {

// Finds the U-Net of a checkpoint, a bare file or a diffusers folder and returns it in canonical names; an
// empty table when there is none.
weights::TensorTable locate(const weights::TensorTable& file);

}  // namespace dq::models::unet
