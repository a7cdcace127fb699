#pragma once
// Community layouts of the KL autoencoder → canonical names: those of the original latent diffusion code
// without prefix ("decoder.up.3.block.0.conv1.weight", "quant_conv.weight").
#include "weights/tensor_table.h"

namespace dq::models::autoencoder_kl {

// Finds the VAE of a checkpoint, a bare VAE file or a diffusers folder; an empty table when there is none.
weights::TensorTable locate(const weights::TensorTable& file);

// The same in canonical names with the attention's matrices [C, C] as the 1×1 kernels [C, C, 1, 1] that the
// original layout has, for writing it.
weights::TensorTable with_kernels(const weights::TensorTable& table);

}  // namespace dq::models::autoencoder_kl
