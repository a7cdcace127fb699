#include "sampling/torch_generator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sampling/box_muller.h"

namespace dq::sampling {
namespace {

constexpr std::size_t kBlock = 16;
constexpr double kTwoPi = 2.0 * std::numbers::pi;

void box_muller_16(double* x) {
  for (int i = 0; i < 8; ++i) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - x[i]));
    const double angle = kTwoPi * x[i + 8];
    x[i] = radius * std::cos(angle) + 0.0;
    x[i + 8] = radius * std::sin(angle) + 0.0;
  }
}

void to_normal(float* x) {
  sampling::box_muller_16(x);
}
void to_normal(double* x) {
  box_muller_16(x);
}

// `uniform` gives the next number of the stream.
template <class Real, class Uniform>
void fill_blocks(std::span<Real> out, Uniform uniform) {
  for (Real& value : out) value = uniform();
  for (std::size_t i = 0; i + kBlock <= out.size(); i += kBlock) to_normal(out.data() + i);
  if (out.size() % kBlock == 0) return;
  const std::span<Real> last = out.last(kBlock);
  for (Real& value : last) value = uniform();
  to_normal(last.data());
}

}  // namespace

TorchCpuGenerator::TorchCpuGenerator(std::uint64_t seed) {
  state_[0] = static_cast<std::uint32_t>(seed);
  for (std::uint32_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
}

void TorchCpuGenerator::refill() {
  constexpr std::size_t kShift = 397;
  const auto twist = [this](std::size_t i, std::size_t next, std::size_t far) {
    const std::uint32_t y = (state_[i] & 0x80000000U) | (state_[next] & 0x7fffffffU);
    state_[i] = state_[far] ^ (y >> 1) ^ ((0U - (y & 1U)) & 0x9908b0dfU);
  };
  for (std::size_t i = 0; i < kWords - kShift; ++i) twist(i, i + 1, i + kShift);
  for (std::size_t i = kWords - kShift; i < kWords - 1; ++i) twist(i, i + 1, i + kShift - kWords);
  twist(kWords - 1, 0, kShift - 1);
  used_ = 0;
}

std::uint32_t TorchCpuGenerator::next() {
  if (used_ == kWords) refill();
  std::uint32_t y = state_[static_cast<std::size_t>(used_++)];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

double TorchCpuGenerator::next_double() {
  const std::uint64_t high = next();
  const std::uint64_t both = (high << 32) | next();
  return static_cast<double>(both & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53;
}

double TorchCpuGenerator::next_normal() {
  if (waiting_) {
    const double value = *waiting_;
    waiting_.reset();
    return value + 0.0;
  }
  const double u1 = next_double();
  const double u2 = next_double();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double angle = kTwoPi * u1;
  waiting_ = radius * std::sin(angle);
  return radius * std::cos(angle) + 0.0;
}

void TorchCpuGenerator::randn(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& value : out) value = static_cast<float>(next_normal());
    return;
  }
  fill_blocks(out, [this] { return static_cast<float>(next() & 0xffffffU) * 0x1p-24F; });
}

void TorchCpuGenerator::randn(std::span<double> out) {
  if (out.size() < kBlock) {
    for (double& value : out) value = next_normal();
    return;
  }
  fill_blocks(out, [this] { return next_double(); });
}

}  // namespace dq::sampling
