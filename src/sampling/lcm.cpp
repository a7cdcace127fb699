// Latent consistency sampling (Luo et al. 2023): the guess itself, then fresh noise of the next level on it.
#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {

Tensor sample_lcm(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    if (next == 0) return denoised;
    const Tensor noise = input.noise.step(sigma, next);
    x = ops::combine({{alpha(next, is_flow(input)), &denoised}, {next * input.options.s_noise, &noise}});
  }
  return x;
}

}  // namespace dq::sampling
