// DPM-Solver++(2S) (Lu et al. 2022b), ancestral: one look at the middle of the step in λ, then the
// exponential integrator over the step with that guess, then noise.
#include <cmath>

#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

constexpr double kBelowPureNoise = 0.9999;

// The middle in λ; for flow a start of pure noise has no λ, and the middle is put right below it.
double middle(const SamplerInput& input, double sigma, double down) {
  if (!is_flow(input)) return geometric_mean(sigma, down);
  if (sigma >= 1) return kBelowPureNoise;
  return sigma_of_half_log_snr((half_log_snr(sigma, true) + half_log_snr(down, true)) / 2, true);
}

}  // namespace

Tensor sample_dpmpp_2s_ancestral(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    const AncestralStep step = ancestral_step(input, sigma, next);
    if (step.down == 0) {
      x = denoised;
    } else {
      // (σ₂/σ₁)·x − expm1(−h)·D with h = ln(σ₁/σ₂) is the Euler step; flow's form is the same.
      const double mid = middle(input, sigma, step.down);
      const Tensor d2 = input.denoise(euler_step(x, denoised, sigma, mid), mid).value;
      x = euler_step(x, d2, sigma, step.down);
    }
    if (next != 0) x = renoise(input, x, step, sigma, next);
  }
  return x;
}

}  // namespace dq::sampling
