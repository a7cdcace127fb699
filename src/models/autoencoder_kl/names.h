#pragma once
// Community layouts of the KL autoencoder → canonical names: those of the original latent diffusion code
// without prefix ("decoder.up.3.block.0.conv1.weight", "quant_conv.weight").
#include "weights/tensor_table.h"

namespace dq::models::autoencoder_kl {

// Finds the VAE of a checkpoint, a bare VAE file or a diffusers folder; an empty table when there is none.
weights::TensorTable locate(const weights::TensorTable& file);

}  // namespace dq::models::autoencoder_kl
