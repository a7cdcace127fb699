#pragma once
// Sinusoidal embedding of a timestep (Ho et al. 2020, as the latent diffusion code orders it).
#include <span>

#include "tensor/tensor.h"

namespace dq::nn {

// [timesteps, dim] f32: cos(t·f_i) in the first half, sin(t·f_i) in the second, f_i = 10000^(−i/(dim/2)).
Tensor timestep_embedding(Device& device, std::span<const double> timesteps, std::int64_t dim);

}  // namespace dq::nn
