#include "ops/activation.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

using ops::Activation;
constexpr Activation kAll[] = {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
                               Activation::kQuickGelu};

// |a − b| in units of the last place of b, or of the smallest normal number.
double ulps(float a, float b) {
  const float size = std::max(std::abs(b), std::numeric_limits<float>::min());
  return std::abs(static_cast<double>(a) - b) / (std::nextafter(size, 2 * size) - size);
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
        // To the left e^(−x²/2) multiplies the rounding of its exponent: x²/2·2^-24, so x² units at worst.
        const float v = values[static_cast<std::size_t>(i)];
        const double allowed = 4 + (v < 0 ? v * v : 0);
        worst = std::max(worst, ulps(y.data<float>()[i], truth.data<float>()[i]) / allowed);
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
