// Samplers on data whose exact solution is known. For pixels from N(0, s²) the ideal denoiser is
// D(x, σ) = x·s²/(s² + σ²); the probability-flow ODE then takes x(σ₀) to x(σ₁) = x(σ₀)·√((s² + σ₁²)/(s² +
// σ₀²)), and the reverse SDE takes N(0, s² + σ₀²) to N(0, s² + σ₁²). All runs end above σ = 0, where every
// method has its own order (the usual last step to 0 is first order for all).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "sampling/sampler.h"
#include "support.h"

namespace dq::sampling {
namespace {

constexpr double kDataDeviation = 1, kFirst = 8, kLast = 0.08;

Denoised gaussian(const Tensor& x, double sigma) {
  const double s2 = kDataDeviation * kDataDeviation;
  return {ops::combine({{s2 / (s2 + sigma * sigma), &x}}), {}};
}

double exact_deviation(double sigma) {
  return std::sqrt(kDataDeviation * kDataDeviation + sigma * sigma);
}

// Noise levels even in ln σ, none of them 0. Multistep methods start (and UniPC ends) with low-order steps,
// whose error would hide their own order: `ramps` puts steps there that double from h/1024 to h.
struct Levels {
  bool ramps = false;
  double first = kFirst, last = kLast;
};

std::vector<double> level_list(int steps, const Levels& levels) {
  constexpr int kDoublings = 10;
  const int ramp = levels.ramps ? kDoublings : 0;
  std::vector<double> lengths;
  for (int i = 0; i < steps + 2 * ramp; ++i) {
    const int from_end = std::min(i, steps + 2 * ramp - 1 - i);
    lengths.push_back(std::ldexp(1.0, std::min(0, from_end - ramp)));
  }
  double total = 0, way = 0;
  for (const double length : lengths) total += length;
  std::vector<double> sigmas = {levels.first};
  for (const double length : lengths) {
    way += length / total;
    sigmas.push_back(levels.first * std::pow(levels.last / levels.first, way));
  }
  return sigmas;
}

class ConvergenceTest : public ::testing::Test {
 protected:
  // Relative error of the end point, by which every pixel is off alike. The factors of a run are rounded to
  // f32, which shifts all its pixels together by some 1e-7: the mean over runs from slightly different levels
  // is far nearer to what the method does in exact arithmetic.
  double ode_error(const Sampler& sampler, int steps, const Levels& levels) {
    constexpr int kRuns = 64;
    double sum = 0;
    std::int64_t count = 0;
    for (int run = 0; run < kRuns; ++run) {
      Levels moved = levels;
      moved.first *= 1 + 1e-4 * run;
      const Tensor x = test::random_tensor(*device_, {1, 1, 8, 8}, static_cast<std::uint64_t>(run), 4, 8);
      SeededNoise none(NoiseOptions::whole_batch(0), *device_);
      SamplerInput input{.x = x, .sigmas = level_list(steps, moved), .denoise = gaussian, .noise = none};
      input.options.eta = 0;
      const double factor = exact_deviation(input.sigmas.back()) / exact_deviation(input.sigmas.front());
      const std::vector<float> end = test::values(sample(sampler, input)), begin = test::values(x);
      for (std::size_t i = 0; i < end.size(); ++i) sum += end[i] / (begin[i] * factor) - 1;
      count += x.count();
    }
    return std::abs(sum / static_cast<double>(count));
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 1});
};

struct Order {
  const char* name;
  double order;
  int coarse, fine;  // steps; the error of the fine run must stay above what the rounding of f32 leaves
  Levels levels = {};
};

class OdeOrder : public ConvergenceTest, public ::testing::WithParamInterface<Order> {};

TEST_P(OdeOrder, IsTheNominalOne) {
  const auto [name, order, coarse, fine, levels] = GetParam();
  const Sampler& sampler = find_sampler(name);
  const double at_coarse = ode_error(sampler, coarse, levels), at_fine = ode_error(sampler, fine, levels);
  const double slope = std::log(at_coarse / at_fine) / std::log(static_cast<double>(fine) / coarse);
  std::printf("  %-20s error %.2e at %d steps, %.2e at %d: order %.2f\n", name, at_coarse, coarse, at_fine,
              fine, slope);
  EXPECT_NEAR(slope, order, 0.25);
  EXPECT_GT(at_fine, 4e-7) << "too near to the rounding of f32 to tell an order";
}

// UniPC of order p converges with p + 1 (Zhao et al. 2023, theorem 3.1); with its low-order steps at both
// ends, as it is used, with 2. k-diffusion weighs the second difference of DPM-Solver++(3M) by φ₃, half of
// what third order asks for: it is of second order, and stays so, for seeds to repeat.
INSTANTIATE_TEST_SUITE_P(
    Samplers, OdeOrder,
    ::testing::Values(Order{"euler", 1, 64, 256}, Order{"ddim", 1, 64, 256}, Order{"heun", 2, 64, 256},
                      Order{"dpm_2", 2, 64, 256}, Order{"lms", 4, 80, 160, {.ramps = true}},
                      Order{"dpmpp_2m", 2, 64, 256}, Order{"uni_pc", 2, 64, 128},
                      Order{"uni_pc_bh2", 2, 64, 128}, Order{"uni_pc", 4, 24, 48, {true, 1, 0.05}},
                      Order{"uni_pc_bh2", 4, 24, 48, {true, 1, 0.05}},
                      // Stochastic ones without their noise are ODE solvers too.
                      Order{"euler_ancestral", 1, 64, 256}, Order{"dpm_2_ancestral", 2, 64, 256},
                      Order{"dpmpp_2s_ancestral", 2, 64, 256}, Order{"dpmpp_sde", 2, 64, 256},
                      Order{"dpmpp_2m_sde", 2, 64, 256}, Order{"dpmpp_3m_sde", 2, 32, 128}),
    [](const auto& each) {
      return std::string(each.param.name) + "_" + std::to_string(static_cast<int>(each.param.order));
    });

struct Spread {
  const char* name;
  int order;  // of the variance's own error in the length of a step
  int steps;
  std::int64_t width;  // 1024·width pixels
};

class SdeVariance : public ConvergenceTest, public ::testing::WithParamInterface<Spread> {
 protected:
  // Variance of the end over the exact one.
  double variance_ratio(const Sampler& sampler, int steps, std::int64_t width, std::uint64_t seed) {
    const Shape shape = {1, 4, 256, width};
    SeededNoise noise(NoiseOptions::whole_batch(seed), *device_);
    const Tensor unit = noise.initial(shape);
    SamplerInput input{.x = ops::combine({{exact_deviation(kFirst), &unit}}),
                       .sigmas = level_list(steps, {}),
                       .denoise = gaussian,
                       .noise = noise};
    const Tensor end = sample(sampler, input);
    double sum = 0, squares = 0;
    for (const float v : test::values(end)) {
      sum += v;
      squares += static_cast<double>(v) * v;
    }
    const auto n = static_cast<double>(end.count());
    // The mean is 0 within its own spread, √(v/n); 5 deviations.
    EXPECT_LE(std::abs(sum / n), 5 * exact_deviation(kLast) / std::sqrt(n)) << sampler.name;
    return squares / n / (exact_deviation(kLast) * exact_deviation(kLast));
  }
};

// A variance over n pixels spreads by √(2/n) of itself. Two runs with N and 2N steps are extrapolated to
// steps of no length (Richardson), whose spread follows; 4 deviations and what the next order leaves are
// allowed: some 2 to 4 %. Noise wrong by 5 % moves the limit by 10 %. (Wrong corrections from earlier guesses
// vanish in the limit; the orders above and the paths of samplers_test.cpp hold those.)
TEST_P(SdeVariance, TendsToTheMarginal) {
  constexpr double kNextOrder = 0.004;
  const auto [name, order, steps, width] = GetParam();
  const Sampler& sampler = find_sampler(name);
  const double coarse = variance_ratio(sampler, steps, width, 11);
  const double fine = variance_ratio(sampler, 2 * steps, width, 12);
  const double weight = order == 1 ? 2 : 4;
  const double limit = (weight * fine - coarse) / (weight - 1);
  const double deviation =
      std::sqrt(2.0 / (1024.0 * static_cast<double>(width))) * std::sqrt(weight * weight + 1) / (weight - 1);
  std::printf("  %-20s variance / exact: %.4f at %d steps, %.4f at %d, limit %.4f ± %.4f\n", name, coarse,
              steps, fine, 2 * steps, limit, deviation);
  EXPECT_NEAR(limit, 1, 4 * deviation + kNextOrder);
}

INSTANTIATE_TEST_SUITE_P(Samplers, SdeVariance,
                         ::testing::Values(Spread{"euler_ancestral", 1, 96, 200},
                                           Spread{"dpm_2_ancestral", 2, 24, 200},
                                           Spread{"dpmpp_2s_ancestral", 2, 24, 200},
                                           Spread{"dpmpp_sde", 2, 24, 50}, Spread{"dpmpp_2m_sde", 2, 24, 50},
                                           Spread{"dpmpp_3m_sde", 2, 24, 50}),
                         [](const auto& each) { return std::string(each.param.name); });

// LCM forgets x but for the guess: every step draws N(0, D's variance + σ₊²) anew.
TEST_F(ConvergenceTest, LcmHasTheVarianceOfItsLastGuess) {
  const Shape shape = {1, 4, 256, 200};
  SeededNoise noise(NoiseOptions::whole_batch(3), *device_);
  const Tensor unit = noise.initial(shape);
  SamplerInput input{.x = ops::combine({{exact_deviation(kFirst), &unit}}),
                     .sigmas = {kFirst, 2, 0.5},
                     .denoise = gaussian,
                     .noise = noise};
  double variance = exact_deviation(kFirst) * exact_deviation(kFirst);
  for (const auto& [from, to] : {std::pair{kFirst, 2.0}, std::pair{2.0, 0.5}}) {
    const double guess = 1 / (1 + from * from);
    variance = guess * guess * variance + to * to;
  }
  double squares = 0;
  for (const float v : test::values(sample(find_sampler("lcm"), input)))
    squares += static_cast<double>(v) * v;
  EXPECT_NEAR(squares / static_cast<double>(element_count(shape)) / variance, 1, 0.0125);
}

}  // namespace
}  // namespace dq::sampling
