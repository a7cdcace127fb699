#include "grad/stochastic_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/counter_random.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {
namespace {

using grad::to_bfloat16_stochastic;

class StochasticRounding : public testing::Test {
 protected:
  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2});
};

// Over all 2¹⁶ draws the mean is the number itself, exactly.
TEST_F(StochasticRounding, EachNumberIsKeptOnAverage) {
  for (const float v : {1.0039f, -1.0001f, 3.14159265f, -2.7e-12f, 6e-39f, 1e30f}) {
    double sum = 0;
    for (unsigned bits = 0; bits < 65536; ++bits)
      sum += static_cast<double>(to_float(to_bfloat16_stochastic(v, static_cast<std::uint16_t>(bits))));
    EXPECT_NEAR(sum / 65536 / static_cast<double>(v), 1, 1e-12) << v;
  }
}

TEST_F(StochasticRounding, TheDrawsAreEven) {
  // 0.3 of the way from 1 to the next number, 1/128 on.
  const std::int64_t n = 100000;
  const Tensor x = Tensor::full(*device_, {n}, 1 + 0.3f / 128);
  const double deviation = std::sqrt(0.3 * 0.7 / static_cast<double>(n));
  for (std::uint64_t step = 0; step < 8; ++step) {
    const Tensor y = to_bfloat16_stochastic(x, {7, step});
    std::int64_t up = 0, both = 0;
    bool before = false;
    for (std::int64_t i = 0; i < n; ++i) {
      const float v = to_float(y.data<BFloat16>()[i]);
      ASSERT_TRUE(v == 1 || v == 1 + 1.0f / 128) << v;
      up += v > 1 ? 1 : 0;
      both += v > 1 && before ? 1 : 0;
      before = v > 1;
    }
    EXPECT_NEAR(static_cast<double>(up) / static_cast<double>(n), 0.3, 4 * deviation) << step;
    // Neighbours share 64 random bits and are yet independent.
    EXPECT_NEAR(static_cast<double>(both) / static_cast<double>(n), 0.09, 0.005) << step;
  }
}

TEST_F(StochasticRounding, NumbersOfBf16Stay) {
  for (unsigned b = 0; b < 65536; ++b) {
    const float v = to_float(BFloat16{static_cast<std::uint16_t>(b)});
    for (const std::uint16_t bits : {std::uint16_t{0}, std::uint16_t{0x8000}, std::uint16_t{0xffff}}) {
      const BFloat16 rounded = to_bfloat16_stochastic(v, bits);
      if (std::isnan(v)) {
        EXPECT_TRUE(std::isnan(to_float(rounded))) << b;
      } else {
        EXPECT_EQ(rounded.bits, b);
      }
    }
  }
  // What is finite stays so.
  const float most = std::numeric_limits<float>::max();
  EXPECT_EQ(to_bfloat16_stochastic(most, 0xffff).bits, 0x7f7f);
  EXPECT_EQ(to_bfloat16_stochastic(-most, 0xffff).bits, 0xff7f);
}

TEST_F(StochasticRounding, IsAFunctionOfThePlaceAtAnyNumberOfThreads) {
  const auto one = ops::make_cpu_device({.threads = 1});
  const Shape shape{3, 16411};  // no multiple of four, more than one piece
  const Tensor x = random_tensor(*device_, shape, 1), same = random_tensor(*one, shape, 1);
  const Tensor a = to_bfloat16_stochastic(x, {1, 2}), b = to_bfloat16_stochastic(same, {1, 2}),
               other = to_bfloat16_stochastic(x, {1, 3});
  EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())), 0);
  EXPECT_NE(std::memcmp(a.raw(), other.raw(), static_cast<std::size_t>(a.bytes())), 0);
  Tensor in_place = random_tensor(*device_, shape, 1);
  grad::round_to_bfloat16_stochastic(in_place, {1, 2});
  for (std::int64_t i = 0; i < x.count(); ++i)
    ASSERT_EQ(in_place.data<float>()[i], to_float(a.data<BFloat16>()[i])) << i;
}

// What it is for: steps of a hundredth of the last place add up, and are lost when rounded to nearest.
TEST_F(StochasticRounding, SmallStepsAddUp) {
  const std::int64_t n = 4096;
  const float step = 0.01f / 128;
  Tensor w = Tensor::full(*device_, {n}, 1), nearest = Tensor::full(*device_, {n}, 1);
  for (std::uint64_t t = 0; t < 1000; ++t) {
    for (std::int64_t i = 0; i < n; ++i) {
      w.data<float>()[i] += step;
      nearest.data<float>()[i] = to_float(to_bfloat16(nearest.data<float>()[i] + step));
    }
    grad::round_to_bfloat16_stochastic(w, {5, t});
  }
  double mean = 0;
  for (std::int64_t i = 0; i < n; ++i)
    mean += static_cast<double>(w.data<float>()[i]) / static_cast<double>(n);
  // Ten units of 1/128 each, give or take √(1000·0.01·0.99) of them: 4σ of the mean is a fifth of a unit.
  EXPECT_NEAR(mean, 1 + 10.0 / 128, 0.2 / 128);
  EXPECT_EQ(nearest.data<float>()[0], 1);
}

}  // namespace
}  // namespace dq::test
