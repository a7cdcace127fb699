#include "train/loss_watch.h"

#include <numeric>

namespace dq::train {
namespace {

constexpr std::size_t kBefore = 100;
constexpr double kMost = 3;

double mean(std::span<const float> losses) {
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

bool has_left(std::span<const float> losses, std::size_t recent) {
  if (losses.size() < kBefore + recent) return false;
  const auto before = losses.subspan(losses.size() - recent - kBefore, kBefore);
  return mean(losses.last(recent)) > kMost * mean(before);
}

}  // namespace

bool has_spiked(std::span<const float> losses) {
  return has_left(losses, 20);
}

bool may_spike(std::span<const float> losses) {
  return has_left(losses, 5);
}

}  // namespace dq::train
