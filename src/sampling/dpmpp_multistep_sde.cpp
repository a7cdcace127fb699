// DPM-Solver++(2M) and (3M) for the reverse SDE (Lu et al. 2022b, §5; k-diffusion). With h = λ₊ − λ, h' = (1
// + η)h:
//   x ← (σ₊/σ)·e^{−ηh}·x + α₊(1 − e^{−h'})·D + corrections from earlier D + σ₊·√(1 − e^{−2ηh})·noise
#include <cmath>
#include <vector>

#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

// How much of D, of the D before and of the one before that enter x₊, in units of α₊.
struct Weights {
  double now, before = 0, earlier = 0;
};

using Correction = Weights (*)(double h, double last_h, double earlier_h, double h_eta);

// Midpoint rule: D drawn on by half a step.
Weights second_order(double h, double last_h, double, double h_eta) {
  const double grown = -std::expm1(-h_eta);
  const double slope = last_h > 0 ? 0.5 * grown * h / last_h : 0;
  return {grown + slope, -slope};
}

// Divided differences of the last three D, weighted by φ₂ and φ₃; of two after the first step.
Weights third_order(double h, double last_h, double earlier_h, double h_eta) {
  const double grown = -std::expm1(-h_eta);
  if (!(last_h > 0)) return {grown};
  const double phi2 = std::expm1(-h_eta) / h_eta + 1, phi3 = phi2 / h_eta - 0.5;
  const double r0 = last_h / h;
  if (!(earlier_h > 0)) return {grown + phi2 / r0, -phi2 / r0};
  const double r1 = earlier_h / h;
  // first = d10 + (d10 − d11)·r0/(r0 + r1), second = (d10 − d11)/(r0 + r1)
  const double on_d10 = phi2 * (1 + r0 / (r0 + r1)) - phi3 / (r0 + r1);
  const double on_d11 = -phi2 * r0 / (r0 + r1) + phi3 / (r0 + r1);
  return {grown + on_d10 / r0, -on_d10 / r0 + on_d11 / r1, -on_d11 / r1};
}

Tensor sample_multistep_sde(const SamplerInput& input, Correction correction) {
  const std::vector<double> sigmas = finite_sigmas(input);
  const bool flow = is_flow(input);
  const double eta = input.options.eta;
  Tensor x = input.x, before, earlier;
  double last_h = 0, earlier_h = 0;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = sigmas[static_cast<std::size_t>(i)], next = sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    if (next == 0) return denoised;
    const double h = half_log_snr(next, flow) - half_log_snr(sigma, flow);
    const double a = alpha(next, flow);
    const Weights weights = correction(h, last_h, earlier_h, h * (1 + eta));
    std::vector<ops::Term> terms = {{next / sigma * std::exp(-eta * h), &x}, {a * weights.now, &denoised}};
    if (weights.before != 0) terms.push_back({a * weights.before, &before});
    if (weights.earlier != 0) terms.push_back({a * weights.earlier, &earlier});
    const double noise_scale = next * std::sqrt(-std::expm1(-2 * eta * h)) * input.options.s_noise;
    Tensor noise;
    if (noise_scale != 0) {
      noise = input.noise.step(sigma, next);
      terms.push_back({noise_scale, &noise});
    }
    x = ops::combine(terms);
    earlier = before;
    before = denoised;
    earlier_h = last_h;
    last_h = h;
  }
  return x;
}

}  // namespace

Tensor sample_dpmpp_2m_sde(const SamplerInput& input) {
  return sample_multistep_sde(input, second_order);
}
Tensor sample_dpmpp_3m_sde(const SamplerInput& input) {
  return sample_multistep_sde(input, third_order);
}

}  // namespace dq::sampling
