#pragma once
// What several samplers share: the ends of a step, the split of an ancestral step, log-SNR, churn.
#include "sampling/sampler.h"

namespace dq::sampling {

inline bool is_flow(const SamplerInput& input) {
  return input.prediction == models::Prediction::kFlow;
}
inline int step_count(const SamplerInput& input) {
  return static_cast<int>(input.sigmas.size()) - 1;
}

// D(x, sigmas[step]), reported to on_step.
Tensor denoise_step(const SamplerInput& input, int step, const Tensor& x, double sigma);

// x + (x − D)/from·(to − from): the straight line from x at `from` through D at 0, read off at `to`.
Tensor euler_step(const Tensor& x, const Tensor& denoised, double from, double to);

// An ancestral step goes down to σ_down and comes back up to σ₊ by noise of deviation `up`. With x scaled by
// `keep` before the noise (1 unless flow, where signal and noise share one budget).
struct AncestralStep {
  double down, up, keep;
};
AncestralStep ancestral_step(const SamplerInput& input, double sigma, double sigma_next);
// The way back up: x·keep + noise·up, the noise asked for between sigma and sigma_next. x itself when up is
// 0.
Tensor renoise(const SamplerInput& input, const Tensor& x, const AncestralStep& step, double sigma,
               double sigma_next);
// The variance-exploding rule alone: up = min(σ₊, η·√(σ₊²(σ² − σ₊²)/σ²)), down = √(σ₊² − up²).
AncestralStep ancestral_step_ve(double sigma, double sigma_next, double eta);

// λ = ln(α/σ): −ln σ, or ln((1 − σ)/σ) for flow; and back.
double half_log_snr(double sigma, bool flow);
double sigma_of_half_log_snr(double lambda, bool flow);
inline double alpha(double sigma, bool flow) {
  return flow ? 1 - sigma : 1;
}

// The levels with a first 1 replaced where λ would be infinite (flow).
std::vector<double> finite_sigmas(const SamplerInput& input);

// Raises x to σ̂ = σ(1 + γ) by fresh noise when options.s_churn asks for it; returns σ̂.
double churn(const SamplerInput& input, int step, Tensor& x);

// σ halfway in ln σ.
double geometric_mean(double a, double b);

}  // namespace dq::sampling
