#include "grad/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "grad/op_cases.h"
#include "ops/devices.h"
#include "ops/elementwise.h"

namespace dq::test {
namespace {

using grad::LossKind;
using grad::LossOptions;

class Losses : public testing::Test {
 protected:
  Losses()
      : prediction_(random_as(*ref_, DType::kF64, {2, 3, 2, 4}, 1)),
        target_(random_as(*ref_, DType::kF64, {2, 3, 2, 4}, 2)) {}

  // The definition, element by element.
  double expected(const std::function<double(double d, int sample, std::int64_t pixel)>& f) const {
    double sum = 0;
    for (std::int64_t i = 0; i < 48; ++i) {
      sum += f(prediction_.data<double>()[i] - target_.data<double>()[i], static_cast<int>(i / 24), i % 8);
    }
    return sum / 48;
  }

  std::unique_ptr<Device> ref_ = ops::make_ref_device();
  Tensor prediction_, target_;
};

TEST_F(Losses, FollowTheirFormulas) {
  EXPECT_NEAR(grad::loss(prediction_, target_).value, expected([](double d, int, auto) { return d * d; }),
              1e-15);
  EXPECT_NEAR(grad::loss(prediction_, target_, {.kind = LossKind::kHuber, .c = {0.3}}).value,
              expected([](double d, int, auto) { return 2 * 0.3 * (std::sqrt(d * d + 0.09) - 0.3); }), 1e-15);
  EXPECT_NEAR(grad::loss(prediction_, target_, {.kind = LossKind::kSmoothL1, .c = {0.3}}).value,
              expected([](double d, int, auto) { return 2 * (std::sqrt(d * d + 0.09) - 0.3); }), 1e-15);
}

TEST_F(Losses, WeighSamplesAndPlaces) {
  // One mask for both samples and all channels, half of it 0; a c and a weight for each sample.
  const Tensor mask = Tensor::from(*ref_, std::vector<double>{1, 0, 0.5, 0, 0, 0, 0.25, 1}, {1, 1, 2, 4});
  const double c[] = {0.1, 0.7}, weights[] = {3, 0.2};
  const auto got = grad::loss(
      prediction_, target_,
      {.kind = LossKind::kHuber, .c = {c[0], c[1]}, .weights = {weights[0], weights[1]}, .mask = &mask});
  EXPECT_NEAR(got.value, expected([&](double d, int n, std::int64_t pixel) {
                return weights[n] * mask.data<double>()[pixel] * 2 * c[n] *
                       (std::sqrt(d * d + c[n] * c[n]) - c[n]);
              }),
              1e-15);
}

TEST_F(Losses, GradientsAreDifferencesOfValues) {
  const Tensor mask = random_as(*ref_, DType::kF64, {2, 1, 2, 4}, 3, 0, 1);
  for (const LossKind kind : {LossKind::kMse, LossKind::kHuber, LossKind::kSmoothL1}) {
    const LossOptions options{.kind = kind, .c = {0.2}, .weights = {2, 0.5}, .mask = &mask};
    const Tensor gradient = grad::loss(prediction_, target_, options).gradient;
    ASSERT_EQ(gradient.shape(), prediction_.shape());
    for (std::int64_t i = 0; i < prediction_.count(); ++i) {
      double& x = prediction_.data<double>()[i];
      const double before = x, step = 1e-5;
      x = before + step;
      const double above = grad::loss(prediction_, target_, options).value;
      x = before - step;
      const double below = grad::loss(prediction_, target_, options).value;
      x = before;
      EXPECT_NEAR(gradient.data<double>()[i], (above - below) / (2 * step), 1e-9) << i;
    }
  }
}

// √(d² + c²) − c loses all digits of a small d when it is computed as written.
TEST_F(Losses, KeepTheirDigitsNearZero) {
  const Tensor x = Tensor::from(*ref_, std::vector<double>{1e-9}, {1}),
               zero = Tensor::from(*ref_, std::vector<double>{0}, {1});
  const auto huber = grad::loss(x, zero, {.kind = LossKind::kHuber, .c = {0.5}});
  EXPECT_NEAR(huber.value / 1e-18, 1, 1e-12);  // d² to first order
  EXPECT_NEAR(huber.gradient.data<double>()[0] / 2e-9, 1, 1e-12);
}

TEST_F(Losses, TakeF32OfAnyStridesOnTheCpu) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x = random_as(*device, DType::kF32, {2, 5, 3}, 1).permute({0, 2, 1}),
               y = random_as(*device, DType::kF32, {2, 3, 5}, 2);
  const auto got = grad::loss(x, y);
  double expected = 0;
  const Tensor dense = ops::contiguous(x);
  for (std::int64_t i = 0; i < 30; ++i) {
    const double d = static_cast<double>(dense.data<float>()[i]) - y.data<float>()[i];
    expected += d * d / 30;
    EXPECT_EQ(got.gradient.data<float>()[i], static_cast<float>(2 * d * (1.0 / 30))) << i;
  }
  EXPECT_NEAR(got.value, expected, 1e-15);
}

TEST_F(Losses, NanStaysNan) {
  prediction_.data<double>()[5] = std::numeric_limits<double>::quiet_NaN();
  for (const LossKind kind : {LossKind::kMse, LossKind::kHuber, LossKind::kSmoothL1}) {
    const auto got = grad::loss(prediction_, target_, {.kind = kind});
    EXPECT_TRUE(std::isnan(got.value));
    EXPECT_TRUE(std::isnan(got.gradient.data<double>()[5]));
    EXPECT_FALSE(std::isnan(got.gradient.data<double>()[4]));
  }
}

TEST_F(Losses, NameWhatDoesNotFit) {
  const Tensor small = random_as(*ref_, DType::kF64, {2, 3, 2, 3}, 1);
  const Tensor narrow = random_as(*ref_, DType::kF32, {2, 3, 2, 4}, 1);
  EXPECT_THROW(grad::loss(prediction_, small), Error);
  EXPECT_THROW(grad::loss(prediction_, narrow), Error);
  EXPECT_THROW(grad::loss(prediction_, target_, {.weights = {1}}), Error);
  EXPECT_THROW(grad::loss(prediction_, target_, {.mask = &small}), Error);
  EXPECT_THROW(grad::loss(prediction_, target_, {.mask = &narrow}), Error);
  for (const double c : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(grad::loss(prediction_, target_, {.kind = LossKind::kHuber, .c = {c}}), Error);
  }
  EXPECT_THROW(grad::loss(prediction_, target_, {.kind = LossKind::kHuber, .c = {1, 1, 1}}), Error);
}

TEST_F(Losses, CrossEntropyIsItsDefinitionAndItsSlope) {
  const Tensor logits = random_as(*ref_, DType::kF64, {3, 5}, 4);
  const std::vector<int> classes{4, 0, 2};
  const grad::LossAndGradient got = grad::cross_entropy(logits, classes);
  double expected = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    double sum = 0;
    for (std::size_t k = 0; k < 5; ++k) sum += std::exp(logits.data<double>()[5 * n + k]);
    expected -=
        std::log(std::exp(logits.data<double>()[5 * n + static_cast<std::size_t>(classes[n])]) / sum) / 3;
  }
  EXPECT_NEAR(got.value, expected, 1e-12);
  for (std::int64_t i = 0; i < 15; ++i) {
    Tensor moved = ops::copied(logits);
    constexpr double kStep = 1e-6;
    moved.data<double>()[i] += kStep;
    const double up = grad::cross_entropy(moved, classes).value;
    moved.data<double>()[i] -= 2 * kStep;
    const double slope = (up - grad::cross_entropy(moved, classes).value) / (2 * kStep);
    EXPECT_NEAR(got.gradient.data<double>()[i], slope, 1e-9);
  }
  EXPECT_THROW(grad::cross_entropy(logits, {0, 1}), Error);
  EXPECT_THROW(grad::cross_entropy(logits, {0, 1, 5}), Error);
  // Large numbers neither overflow nor vanish.
  Tensor large = Tensor::full(*ref_, {1, 2}, 1000);
  large.data<float>()[1] = -1000;
  EXPECT_NEAR(grad::cross_entropy(large, {1}).value, 2000, 1e-3);
}

}  // namespace
}  // namespace dq::test
