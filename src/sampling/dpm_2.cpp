// DPM-Solver-2 (Lu et al. 2022) as k-diffusion has it: the slope at the geometric middle of the step carries
// x over the whole step; the ancestral variant does so down to σ_down and adds noise.
#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

// x + (x₂ − D(x₂, mid))/mid·(to − from), x₂ being x carried to mid by its own slope.
Tensor midpoint_step(const SamplerInput& input, const Tensor& x, const Tensor& denoised, double from,
                     double to) {
  const double mid = geometric_mean(from, to);
  const Tensor x2 = euler_step(x, denoised, from, mid);
  const Tensor d2 = input.denoise(x2, mid).value;
  const double slope = (to - from) / mid;
  return ops::combine({{1, &x}, {slope, &x2}, {-slope, &d2}});
}

}  // namespace

Tensor sample_dpm_2(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = churn(input, i, x);
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    x = next == 0 ? denoised : midpoint_step(input, x, denoised, sigma, next);
  }
  return x;
}

Tensor sample_dpm_2_ancestral(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    const AncestralStep step = ancestral_step(input, sigma, next);
    if (step.down == 0) {
      x = denoised;
      continue;
    }
    x = renoise(input, midpoint_step(input, x, denoised, sigma, step.down), step, sigma, next);
  }
  return x;
}

}  // namespace dq::sampling
