#include "sampling/sigma_table.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dq::sampling {
namespace {

constexpr double kFlowTimesteps = 1000;  // the network's unit of time
// ᾱ of the last step when it should be 0: small, yet σ stays finite (4518.76).
constexpr double kLastAlphaBar = 4.8973451890853435e-08;
constexpr double kAboveEverySigma = 999999999.9;

std::vector<double> alpha_bars(const models::TrainingSchedule& schedule) {
  std::vector<double> result(static_cast<std::size_t>(schedule.steps));
  const double first = std::sqrt(schedule.beta_start), last = std::sqrt(schedule.beta_end);
  const double step = schedule.steps > 1 ? (last - first) / (schedule.steps - 1) : 0;
  double product = 1;
  for (int i = 0; i < schedule.steps; ++i) {
    const double root = first + step * i;
    product *= 1 - root * root;
    result[static_cast<std::size_t>(i)] = product;
  }
  return result;
}

// Lin et al. 2023, algorithm 1: √ᾱ is moved and stretched so that the last one is 0 and the first one stays.
void rescale_to_zero_snr(std::vector<double>& alpha_bar) {
  const double first = std::sqrt(alpha_bar.front()), last = std::sqrt(alpha_bar.back());
  for (double& value : alpha_bar) {
    const double root = (std::sqrt(value) - last) * first / (first - last);
    value = root * root;
  }
  alpha_bar.back() = kLastAlphaBar;
}

}  // namespace

SigmaTable::SigmaTable(const models::TrainingSchedule& schedule, models::Prediction prediction)
    : flow_(prediction == models::Prediction::kFlow), shift_(schedule.flow_shift) {
  if (schedule.steps < 2) throw Error(ErrorCode::kInternal, "a training schedule has at least 2 steps");
  if (flow_) {
    // In float from the start, as ComfyUI fills its table, so that both hold the same bits.
    const auto shift = static_cast<float>(shift_), steps = static_cast<float>(schedule.steps);
    const auto unit = static_cast<float>(kFlowTimesteps);
    for (int i = 1; i <= schedule.steps; ++i) {
      const float t = static_cast<float>(i) / steps * unit / unit;
      sigmas_.push_back(shift * t / (1.0F + (shift - 1.0F) * t));
    }
    return;
  }
  std::vector<double> alpha_bar = alpha_bars(schedule);
  if (schedule.zero_terminal_snr) rescale_to_zero_snr(alpha_bar);
  for (const double value : alpha_bar) {
    const double sigma = std::sqrt((1 - value) / value);
    sigmas_.push_back(static_cast<float>(sigma));
    log_sigmas_.push_back(static_cast<float>(std::log(sigma)));
  }
}

double SigmaTable::shifted(double t) const {
  return shift_ * t / (1 + (shift_ - 1) * t);
}

double SigmaTable::timestep(double sigma) const {
  if (flow_) return sigma * kFlowTimesteps;
  if (!(sigma > 0)) return 0;
  const auto log_sigma = static_cast<float>(std::log(sigma));
  const auto above = std::lower_bound(log_sigmas_.begin(), log_sigmas_.end(), log_sigma);
  const auto index = above - log_sigmas_.begin();
  if (index == 0) return 0;
  if (above == log_sigmas_.end()) return static_cast<double>(log_sigmas_.size() - 1);
  const bool lower_is_nearer = log_sigma - *(above - 1) <= *above - log_sigma;
  return static_cast<double>(lower_is_nearer ? index - 1 : index);
}

double SigmaTable::sigma(double timestep) const {
  if (flow_) return shifted(timestep / kFlowTimesteps);
  const auto last = static_cast<float>(log_sigmas_.size() - 1);
  const float t = std::clamp(static_cast<float>(timestep), 0.0F, last);
  const auto low = static_cast<std::size_t>(std::floor(t)), high = static_cast<std::size_t>(std::ceil(t));
  const float weight = t - std::floor(t);
  const float log_sigma = (1.0F - weight) * log_sigmas_[low] + weight * log_sigmas_[high];
  return std::exp(log_sigma);
}

double SigmaTable::percent_to_sigma(double percent) const {
  if (percent <= 0) return flow_ ? 1.0 : kAboveEverySigma;
  if (percent >= 1) return 0;
  if (flow_) return shifted(1 - percent);
  return sigma((1 - percent) * static_cast<double>(log_sigmas_.size() - 1));
}

}  // namespace dq::sampling
