#include "ops/activation.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

using ops::Activation;
constexpr Activation kAll[] = {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
                               Activation::kQuickGelu};

// What is raised to a power of e for negative x. Its rounding is a relative error of the result.
double exponent(Activation act, double x) {
  if (x >= 0) return 0;
  switch (act) {
    case Activation::kGelu:
      return x * x / 2;
    case Activation::kGeluTanh:
      return 1.596 * std::abs(x + 0.044715 * x * x * x);
    case Activation::kQuickGelu:
      return 1.702 * std::abs(x);
    default:
      return 0;
  }
}

TEST(Activate, IsWithinAFewUnitsOfTheLastPlace) {
  const auto ref = ops::make_ref_device();
  std::vector<float> values;
  for (int i = -40000; i <= 40000; ++i) values.push_back(static_cast<float>(i) * 2.5e-4F);  // −10 … 10
  const Tensor x = Tensor::from(*ref, values, {static_cast<std::int64_t>(values.size())});
  for (const Activation act : kAll) {
    const Tensor truth = ops::activate(x, act);
    for (const auto& [name, device] : test::all_cpu_devices()) {
      const Tensor y = ops::activate(test::moved(x, *device), act);
      double worst = 0;
      for (std::int64_t i = 0; i < x.count(); ++i) {
        const double a = y.data<float>()[i], b = truth.data<float>()[i];
        // A few roundings, and up to three of the exponent.
        const double allowed = (8 + 3 * exponent(act, values[static_cast<std::size_t>(i)])) * 0x1p-24;
        worst = std::max(worst, std::abs(a - b) / (std::abs(b) * allowed + 1e-44));
      }
      EXPECT_LE(worst, 1) << name << " activation " << static_cast<int>(act);
    }
  }
}

TEST(Activate, HandlesExtremesAndTails) {
  const auto ref = ops::make_ref_device();
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {0,      -0.0F,         1e-42F, -1e-42F, 1e38F, 100,  -100,
                                     -1e38F, inf,           1e-20F, -88,     88,    -104, 104,
                                     20,     std::nanf(""), -5,     5,       1};
  for (std::size_t n = 1; n <= values.size(); ++n) {
    const Tensor x = Tensor::from(*ref, std::span(values).first(n), {static_cast<std::int64_t>(n)});
    for (const Activation act : kAll) {
      const Tensor truth = ops::activate(x, act);
      for (const auto& [name, device] : test::all_cpu_devices()) {
        const Tensor y = ops::activate(test::moved(x, *device), act);
        for (std::size_t i = 0; i < n; ++i) {
          const float a = y.data<float>()[i], b = truth.data<float>()[i];
          if (std::isnan(b))
            EXPECT_TRUE(std::isnan(a)) << name << values[i];
          else if (std::isinf(b))
            EXPECT_EQ(a, b) << name << values[i];
          else
            EXPECT_LE(std::abs(a - b), 1e-6F * std::abs(b) + 1e-36F) << name << values[i];
        }
      }
    }
  }
}

TEST(Activate, NoneIsTheTensorItself) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x = test::random_tensor(*device, {3, 5}, 1);
  EXPECT_EQ(ops::activate(x, Activation::kNone).raw(), x.raw());
  const Tensor half = Tensor::zeros(*device, DType::kF16, {2});
  EXPECT_THROW(ops::activate(half, Activation::kSilu), Error);
}

}  // namespace
}  // namespace dq
