#pragma once
// Community layouts of U-Net tensors → canonical names. Canonical are the names of the original latent
// diffusion code without prefix ("input_blocks.1.0.in_layers.2.weight"), which most files and adapters use.
#include <optional>
#include <string>
#include <string_view>

#include "weights/tensor_table.h"

namespace dq::models::unet {

// Finds the U-Net of a checkpoint, a bare file or a diffusers folder and returns it in canonical names; an
// empty table when there is none.
weights::TensorTable locate(const weights::TensorTable& file);

// A table without prefix in canonical names, whichever layout it has; what no U-Net has is left out of
// diffusers'. Empty when it is neither.
weights::TensorTable canonical(const weights::TensorTable& table);

// The way back: what diffusers calls a parameter or module of a U-Net with so many residual blocks a level
// ("input_blocks.1.1.proj_in" → "down_blocks.0.attentions.0.proj_in"); nothing for a name that is none.
std::optional<std::string> diffusers_name(std::string_view canonical, int residual_blocks);

}  // namespace dq::models::unet
