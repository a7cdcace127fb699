// DPM-Solver++ for the reverse SDE, with one intermediate look (k-diffusion's sample_dpmpp_sde, r = ½). Both
// stages are ancestral steps in σ/α, and their noise comes from one Brownian motion.
#include <cmath>

#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

// One ancestral stage from `from` to `to` with the guess D: (α'/α)·e^{−h}·x + α'(1 − e^{−h})·D + α'·up·noise,
// the down-step h and `up` being those of the levels σ/α.
Tensor stage(const SamplerInput& input, const Tensor& x, const Tensor& denoised, double from, double to) {
  const bool flow = is_flow(input);
  const double alpha_from = alpha(from, flow), alpha_to = alpha(to, flow);
  const AncestralStep step = ancestral_step_ve(from / alpha_from, to / alpha_to, input.options.eta);
  const double shrink = step.down / (from / alpha_from);
  const ops::Term kept{alpha_to / alpha_from * shrink, &x}, pulled{alpha_to * (1 - shrink), &denoised};
  const double noise_scale = alpha_to * step.up * input.options.s_noise;
  if (noise_scale == 0) return ops::combine({kept, pulled});
  const Tensor noise = input.noise.step(from, to);
  return ops::combine({kept, pulled, {noise_scale, &noise}});
}

}  // namespace

Tensor sample_dpmpp_sde(const SamplerInput& input) {
  const std::vector<double> sigmas = finite_sigmas(input);
  const bool flow = is_flow(input);
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = sigmas[static_cast<std::size_t>(i)], next = sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    if (next == 0) return denoised;
    const double mid =
        sigma_of_half_log_snr((half_log_snr(sigma, flow) + half_log_snr(next, flow)) / 2, flow);
    const Tensor x2 = stage(input, x, denoised, sigma, mid);
    // With r = ½ the second stage uses the middle guess alone: 1 − 1/(2r) = 0.
    x = stage(input, x, input.denoise(x2, mid).value, sigma, next);
  }
  return x;
}

}  // namespace dq::sampling
