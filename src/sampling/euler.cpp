// Euler's method for dx/dσ = (x − D)/σ (Karras et al. 2022, algorithm 2 without the second half), and its
// ancestral variant, which goes below the next level and comes back by fresh noise. DDIM (Song et al. 2021)
// with η = 0 is the same step in these variables.
#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {

Tensor sample_euler(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = churn(input, i, x);
    const Tensor denoised = denoise_step(input, i, x, sigma);
    x = euler_step(x, denoised, sigma, input.sigmas[static_cast<std::size_t>(i) + 1]);
  }
  return x;
}

Tensor sample_euler_ancestral(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    const AncestralStep step = ancestral_step(input, sigma, next);
    if (next == 0 || step.up == 0) {
      x = euler_step(x, denoised, sigma, step.down);
      continue;
    }
    const double ratio = step.down / sigma;
    const Tensor noise = input.noise.step(sigma, next);
    x = ops::combine({{step.keep * ratio, &x},
                      {step.keep * (1 - ratio), &denoised},
                      {step.up * input.options.s_noise, &noise}});
  }
  return x;
}

}  // namespace dq::sampling
