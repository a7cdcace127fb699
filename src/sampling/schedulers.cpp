#include "sampling/schedulers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "sampling/beta_quantile.h"
#include "sampling/names.h"

namespace dq::sampling {
namespace {

constexpr double kZeroSigma = 1e-5;  // levels below count as 0
constexpr int kMaxSteps = 100'000;

// `n` values from first to last, both included; only the first when n is 1.
std::vector<double> linspace(double first, double last, int n) {
  std::vector<double> result(static_cast<std::size_t>(n), first);
  for (int i = 1; i < n; ++i) result[static_cast<std::size_t>(i)] = first + (last - first) * i / (n - 1);
  return result;
}

std::vector<double> then_zero(std::vector<double> sigmas) {
  sigmas.push_back(0);
  return sigmas;
}

// Even steps in the timestep. (For flow the table's shift is applied to already shifted times; so does
// ComfyUI.)
std::vector<double> normal(const SigmaTable& table, int steps) {
  const double first = table.timestep(table.sigma_max()), last = table.timestep(table.sigma_min());
  const bool ends_at_zero = std::abs(table.sigma(last)) <= kZeroSigma;
  std::vector<double> result = linspace(first, last, ends_at_zero ? steps + 1 : steps);
  for (double& value : result) value = table.sigma(value);
  return ends_at_zero ? result : then_zero(std::move(result));
}

// The same with one step more, of which the last is left out: "trailing" spacing.
std::vector<double> sgm_uniform(const SigmaTable& table, int steps) {
  const double first = table.timestep(table.sigma_max()), last = table.timestep(table.sigma_min());
  std::vector<double> result = linspace(first, last, steps + 1);
  result.pop_back();
  for (double& value : result) value = table.sigma(value);
  return then_zero(std::move(result));
}

// Entries of the table, from the end, at even distances.
std::vector<double> simple(const SigmaTable& table, int steps) {
  const auto sigmas = table.sigmas();
  const double stride = static_cast<double>(sigmas.size()) / steps;
  std::vector<double> result;
  for (int i = 0; i < steps; ++i) {
    result.push_back(sigmas[sigmas.size() - 1 - static_cast<std::size_t>(i * stride)]);
  }
  return then_zero(std::move(result));
}

// Entries 1, 1 + k, 1 + 2k … read backwards, k = ⌊table/steps⌋; as many as there are.
std::vector<double> ddim_uniform(const SigmaTable& table, int steps) {
  const auto sigmas = table.sigmas();
  const bool ends_at_zero = std::abs(sigmas[1]) <= kZeroSigma;
  const std::size_t wanted = static_cast<std::size_t>(ends_at_zero ? steps + 1 : steps);
  const std::size_t stride = std::max<std::size_t>(sigmas.size() / wanted, 1);
  std::vector<double> result;
  if (!ends_at_zero) result.push_back(0);
  for (std::size_t i = 1; i < sigmas.size(); i += stride) result.push_back(sigmas[i]);
  std::reverse(result.begin(), result.end());
  return result;
}

// Karras et al. 2022, equation 5, ρ = 7.
std::vector<double> karras(const SigmaTable& table, int steps) {
  constexpr double kRho = 7;
  std::vector<double> result =
      linspace(std::pow(table.sigma_max(), 1 / kRho), std::pow(table.sigma_min(), 1 / kRho), steps);
  for (double& value : result) value = std::pow(value, kRho);
  return then_zero(std::move(result));
}

std::vector<double> exponential(const SigmaTable& table, int steps) {
  std::vector<double> result = linspace(std::log(table.sigma_max()), std::log(table.sigma_min()), steps);
  for (double& value : result) value = std::exp(value);
  return then_zero(std::move(result));
}

// Entries of the table at quantiles of Beta(0.6, 0.6), which crowd at both ends (Lee et al. 2024).
std::vector<double> beta(const SigmaTable& table, int steps) {
  constexpr double kShape = 0.6;
  const auto sigmas = table.sigmas();
  std::vector<double> result;
  double previous = -1;
  for (int i = 0; i < steps; ++i) {
    const double t = 1 - static_cast<double>(i) / steps;
    const double index =
        std::nearbyint(beta_quantile(t, kShape, kShape) * static_cast<double>(sigmas.size() - 1));
    if (index != previous) result.push_back(sigmas[static_cast<std::size_t>(index)]);
    previous = index;
  }
  return then_zero(std::move(result));
}

// Half of the steps go the first 2.5 % of the way, evenly; the others follow a parabola (Genmo 2024).
std::vector<double> linear_quadratic(const SigmaTable& table, int steps) {
  constexpr double kThreshold = 0.025;
  const double highest = table.sigma_max();
  if (steps == 1) return {highest, 0};
  const double linear = steps / 2, quadratic = steps - steps / 2;
  const double rest = linear - kThreshold * steps;
  const double a = rest / (linear * quadratic * quadratic);
  const double b = kThreshold / linear - 2 * rest / (quadratic * quadratic);
  const double c = a * linear * linear;
  std::vector<double> result;
  for (int i = 0; i < steps; ++i) {
    const double way = i < steps / 2 ? i * kThreshold / linear : a * i * i + b * i + c;
    result.push_back((1 - way) * highest);
  }
  return then_zero(std::move(result));
}

// Even steps in arctan σ (Sabour et al. 2024, the optimum for a Gaussian).
std::vector<double> kl_optimal(const SigmaTable& table, int steps) {
  std::vector<double> result = linspace(std::atan(table.sigma_max()), std::atan(table.sigma_min()), steps);
  for (double& value : result) value = std::tan(value);
  return then_zero(std::move(result));
}

constexpr std::array kSchedulers = {
    Scheduler{"simple", "Simple", simple},
    Scheduler{"sgm_uniform", "SGM Uniform", sgm_uniform},
    Scheduler{"karras", "Karras", karras},
    Scheduler{"exponential", "Exponential", exponential},
    Scheduler{"ddim_uniform", "DDIM", ddim_uniform},
    Scheduler{"beta", "Beta", beta},
    Scheduler{"normal", "Normal", normal},
    Scheduler{"linear_quadratic", "Linear Quadratic", linear_quadratic},
    Scheduler{"kl_optimal", "KL Optimal", kl_optimal},
};

}  // namespace

std::span<const Scheduler> schedulers() {
  return kSchedulers;
}

const Scheduler* try_find_scheduler(std::string_view name) {
  const std::string wanted = folded(name);
  for (const Scheduler& scheduler : kSchedulers) {
    if (wanted == folded(scheduler.name) || wanted == folded(scheduler.label)) return &scheduler;
  }
  // WebUI's label of its own even spacing in time.
  return wanted == "uniform" ? try_find_scheduler("normal") : nullptr;
}

const Scheduler& find_scheduler(std::string_view name) {
  if (const Scheduler* found = try_find_scheduler(name)) return *found;
  std::vector<std::string> names;
  for (const Scheduler& scheduler : kSchedulers) names.emplace_back(scheduler.name);
  throw unknown_name("scheduler", name, names);
}

std::vector<double> make_sigmas(const Scheduler& scheduler, const SigmaTable& table,
                                const ScheduleRequest& request) {
  if (request.steps < 1 || request.steps > kMaxSteps) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} steps", request.steps))
        .hint(fmt::format("Ask for 1 to {} steps", kMaxSteps));
  }
  if (!(request.denoise >= 0 && request.denoise <= 1)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a denoise strength of {}", request.denoise))
        .hint("Ask for a strength from 0 (keep the picture) to 1 (a new picture)");
  }
  if (request.denoise == 0) return {};
  const bool part = request.denoise <= 0.9999;
  const double total = part ? std::floor(request.steps / request.denoise) : request.steps;
  if (total > kMaxSteps) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a denoise strength of {} with {} steps", request.denoise, request.steps))
        .hint("Ask for a greater strength");
  }
  std::vector<double> sigmas =
      scheduler.sigmas(table, static_cast<int>(total) + (request.drop_penultimate ? 1 : 0));
  if (request.drop_penultimate && sigmas.size() > 2) sigmas.erase(sigmas.end() - 2);
  const auto kept = static_cast<std::size_t>(request.steps) + 1;
  if (part && sigmas.size() > kept)
    sigmas.erase(sigmas.begin(), sigmas.end() - static_cast<std::ptrdiff_t>(kept));
  for (double& sigma : sigmas) sigma = static_cast<float>(sigma);
  // More steps than the table has entries repeat some; a step of no length is no step.
  sigmas.erase(std::unique(sigmas.begin(), sigmas.end()), sigmas.end());
  return sigmas;
}

}  // namespace dq::sampling
