#include "sampling/step_math.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"

namespace dq::sampling {

Tensor denoise_step(const SamplerInput& input, int step, const Tensor& x, double sigma) {
  const Tensor denoised = input.denoise(x, sigma).value;
  if (input.on_step) input.on_step({step, step_count(input), sigma, x, denoised});
  return denoised;
}

Tensor euler_step(const Tensor& x, const Tensor& denoised, double from, double to) {
  if (to == 0) return denoised;
  const double ratio = to / from;
  return ops::combine({{ratio, &x}, {1 - ratio, &denoised}});
}

AncestralStep ancestral_step_ve(double sigma, double sigma_next, double eta) {
  if (eta == 0) return {sigma_next, 0, 1};
  const double next2 = sigma_next * sigma_next, here2 = sigma * sigma;
  const double up = std::min(sigma_next, eta * std::sqrt(next2 * (here2 - next2) / here2));
  return {std::sqrt(std::max(0.0, next2 - up * up)), up, 1};
}

Tensor renoise(const SamplerInput& input, const Tensor& x, const AncestralStep& step, double sigma,
               double sigma_next) {
  if (step.up == 0) return x;
  const Tensor noise = input.noise.step(sigma, sigma_next);
  return ops::combine({{step.keep, &x}, {step.up * input.options.s_noise, &noise}});
}

AncestralStep ancestral_step(const SamplerInput& input, double sigma, double sigma_next) {
  const double eta = input.options.eta;
  if (!is_flow(input) || eta == 0) return ancestral_step_ve(sigma, sigma_next, eta);
  const double down = sigma_next * (1 + (sigma_next / sigma - 1) * eta);
  const double keep = (1 - sigma_next) / (1 - down);
  const double up2 = sigma_next * sigma_next - down * down * keep * keep;
  return {down, std::sqrt(std::max(0.0, up2)), keep};
}

double half_log_snr(double sigma, bool flow) {
  return flow ? std::log((1 - sigma) / sigma) : -std::log(sigma);
}

double sigma_of_half_log_snr(double lambda, bool flow) {
  return flow ? 1 / (1 + std::exp(lambda)) : std::exp(-lambda);
}

std::vector<double> finite_sigmas(const SamplerInput& input) {
  std::vector<double> sigmas = input.sigmas;
  if (is_flow(input) && sigmas.front() >= 1) sigmas.front() = input.flow_first_sigma;
  return sigmas;
}

double churn(const SamplerInput& input, int step, Tensor& x) {
  const SamplerOptions& options = input.options;
  const double sigma = input.sigmas[static_cast<std::size_t>(step)];
  if (!(options.s_churn > 0) || sigma < options.s_tmin || sigma > options.s_tmax) return sigma;
  const double gamma = std::min(options.s_churn / step_count(input), std::sqrt(2.0) - 1);
  const double raised = sigma * (1 + gamma);
  const Tensor noise = input.noise.churn();
  x = ops::combine({{1, &x}, {options.s_noise * std::sqrt(raised * raised - sigma * sigma), &noise}});
  return raised;
}

double geometric_mean(double a, double b) {
  return std::exp((std::log(a) + std::log(b)) / 2);
}

}  // namespace dq::sampling
