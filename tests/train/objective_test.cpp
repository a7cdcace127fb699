#include "train/objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/devices.h"
#include "support/golden.h"

namespace dq::train {
namespace {

using models::Prediction;

class Objective : public testing::Test {
 protected:
  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 1});
  sampling::SigmaTable table_{{}, Prediction::kEps};
  Tensor latents_ = test::random_tensor(*device_, {6, 4, 8, 6}, 1, -2, 2);

  static double at(const Tensor& x, std::int64_t i) { return x.data<float>()[i]; }
};

// input = √ᾱ·x0 + √(1−ᾱ)·ε with ᾱ from the β schedule itself.
TEST_F(Objective, NoiseIsMixedAsTheScheduleSays) {
  ObjectiveOptions o;
  o.weighting = Weighting::kUniform;
  const NoisedBatch eps = noise_batch(latents_, table_, o, 3, 9);
  std::vector<double> alpha_bar;
  double product = 1;
  for (int i = 0; i < 1000; ++i) {
    const double root = std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) * i / 999;
    alpha_bar.push_back(product *= 1 - root * root);
  }
  const std::int64_t each = latents_.count() / latents_.dim(0);
  for (std::int64_t i = 0; i < latents_.count(); ++i) {
    const double a = alpha_bar[static_cast<std::size_t>(eps.timesteps[static_cast<std::size_t>(i / each)])];
    EXPECT_NEAR(at(eps.input, i), std::sqrt(a) * at(latents_, i) + std::sqrt(1 - a) * at(eps.target, i),
                2e-5);
  }
  EXPECT_EQ(eps.weights, std::vector<double>(6, 1));

  // The same seed draws the same noise: v = √ᾱ·ε − √(1−ᾱ)·x0.
  o.prediction = Prediction::kV;
  const NoisedBatch v = noise_batch(latents_, {{}, Prediction::kV}, o, 3, 9);
  EXPECT_EQ(v.timesteps, eps.timesteps);
  for (std::int64_t i = 0; i < latents_.count(); ++i) {
    const double a = alpha_bar[static_cast<std::size_t>(eps.timesteps[static_cast<std::size_t>(i / each)])];
    EXPECT_NEAR(at(v.target, i), std::sqrt(a) * at(eps.target, i) - std::sqrt(1 - a) * at(latents_, i), 2e-5);
  }
}

TEST_F(Objective, FlowGoesStraightFromLatentToNoise) {
  ObjectiveOptions o;
  o.prediction = Prediction::kFlow;
  o.flow_shift = 3;
  const NoisedBatch b = noise_batch(latents_, {{}, Prediction::kFlow}, o, 3, 9);
  const std::int64_t each = latents_.count() / latents_.dim(0);
  for (std::int64_t i = 0; i < latents_.count(); ++i) {
    const double t = b.timesteps[static_cast<std::size_t>(i / each)] / 1000;
    EXPECT_GT(t, 0);
    EXPECT_LT(t, 1);
    EXPECT_NEAR(at(b.input, i), at(latents_, i) + t * at(b.target, i), 1e-5);  // target = noise − latent
  }
}

TEST_F(Objective, ARowDoesNotDependOnItsBatch) {
  const NoisedBatch all = noise_batch(latents_, table_, {}, 5, 2);
  const NoisedBatch last = noise_batch(latents_.slice(0, 4, 6), table_, {}, 5, 2, 4);
  EXPECT_EQ(test::relative_error(last.input, all.input.slice(0, 4, 6)), 0);
  EXPECT_EQ(last.timesteps[1], all.timesteps[5]);
  EXPECT_GT(test::relative_error(noise_batch(latents_, table_, {}, 5, 3).input, all.input), 0.1);
}

TEST_F(Objective, NoiseIsNormalAndTheOffsetMovesWholeChannels) {
  const Tensor zeros = Tensor::zeros(*device_, DType::kF32, {64, 4, 16, 16});
  ObjectiveOptions o;
  o.noise_offset = 0.5;
  for (const bool offset : {false, true}) {
    if (!offset)
      o.noise_offset = 0;
    else
      o.noise_offset = 0.5;
    const NoisedBatch b = noise_batch(zeros, table_, o, 1, 1);
    double sum = 0, squares = 0, means = 0;
    for (std::int64_t c = 0; c < 256; ++c) {
      double mean = 0;
      for (std::int64_t i = 0; i < 256; ++i) {
        const double e = at(b.target, c * 256 + i);
        mean += e / 256;
        sum += e;
        squares += e * e;
      }
      means += mean * mean;
    }
    // 65536 numbers of variance 1 (or 1.25); a channel's mean has variance 1/256 (or that + 0.25).
    EXPECT_NEAR(sum / 65536, 0, offset ? 0.13 : 0.016);
    EXPECT_NEAR(squares / 65536, offset ? 1.25 : 1, offset ? 0.1 : 0.025);
    EXPECT_NEAR(means / 256, offset ? 0.254 : 1.0 / 256, offset ? 0.09 : 0.0015);
  }
}

TEST_F(Objective, TimesCoverTheirRangeEvenly) {
  const Tensor many = Tensor::zeros(*device_, DType::kF32, {4000, 1, 1, 1});
  ObjectiveOptions o;
  o.first = 0.5;
  double mean = 0, least = 1e9, most = 0;
  for (const double t : noise_batch(many, table_, o, 1, 1).timesteps) {
    mean += t / 4000;
    least = std::min(least, t);
    most = std::max(most, t);
  }
  EXPECT_GE(least, 500);
  EXPECT_LE(most, 999);
  EXPECT_NEAR(mean, 749.5, 9.2);  // four standard errors
  // 0.57 · 1000 lies below 570.
  o.first = 0.57, o.last = 0.58;
  const auto times = noise_batch(many, table_, o, 1, 1).timesteps;
  const auto [low, high] = std::ranges::minmax(times);
  EXPECT_EQ(low, 570);
  EXPECT_EQ(high, 579);
}

TEST(SampleWeight, FollowsThePublishedFormulas) {
  ObjectiveOptions o;
  EXPECT_DOUBLE_EQ(sample_weight(o, 2), 1);      // SNR below γ
  EXPECT_DOUBLE_EQ(sample_weight(o, 20), 0.25);  // 5/20
  o.prediction = Prediction::kV;
  EXPECT_DOUBLE_EQ(sample_weight(o, 20), 5.0 / 21);
  o.v_like_eps = true;
  EXPECT_DOUBLE_EQ(sample_weight(o, 20), 5.0 / 21 * 20 / 21);
  o = {};
  o.weighting = Weighting::kDebiased;
  EXPECT_DOUBLE_EQ(sample_weight(o, 4), 0.5);
  EXPECT_DOUBLE_EQ(sample_weight(o, 1e9), 1 / std::sqrt(1000.0));
}

// sd-scripts' thresholds at the ends and in the middle of the schedule.
TEST(Huber, TurnsWhereItsScheduleSays) {
  const auto device = ops::make_cpu_device();
  const sampling::SigmaTable table({}, models::Prediction::kEps);
  ObjectiveOptions o;
  o.loss = grad::LossKind::kHuber;
  const Tensor latents = Tensor::zeros(*device, DType::kF32, {3, 4, 2, 2});
  const auto c = [&](HuberSchedule schedule) {
    o.huber_schedule = schedule;
    return noise_batch_at(latents, table, o, {0, 500, 999}, 1).c;
  };
  EXPECT_EQ(c(HuberSchedule::kConstant), (std::vector<double>{0.1, 0.1, 0.1}));
  const std::vector<double> falling = c(HuberSchedule::kExponential), snr = c(HuberSchedule::kSnr);
  EXPECT_NEAR(falling[0], 1, 1e-12);
  EXPECT_NEAR(falling[1], std::sqrt(0.1), 1e-12);
  const double last = table.sigma(999);
  EXPECT_NEAR(snr[2], 0.9 / ((1 + last) * (1 + last)) + 0.1, 1e-12);
  EXPECT_GT(snr[0], 0.9);
}

}  // namespace
}  // namespace dq::train
