// The CPU's way back on every kernel set against the naive truth, in f32, and the same bits with any number
// of threads.
#include <gtest/gtest.h>

#include "grad/op_cases.h"
#include "ops/all_devices.h"

namespace dq::test {
namespace {

// f32 sums of up to a few thousand terms, some of which cancel.
constexpr double kTolerance = 1e-5;

class Kernels : public testing::TestWithParam<OpCase> {
 protected:
  static Inputs gradients_on(Device& device) {
    const OpCase& c = GetParam();
    const Inputs inputs = random_inputs(device, DType::kF32, c.large, 7);
    return gradients(c, inputs, (1u << inputs.size()) - 1);
  }
};

TEST_P(Kernels, AgreeWithTheReference) {
  const auto ref = ops::make_ref_device();
  const Inputs expected = gradients_on(*ref);
  for (const auto& [name, device] : all_cpu_devices()) {
    const Inputs got = gradients_on(*device);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_LE(relative_error(got[i], expected[i]), kTolerance) << name << ", input " << i;
    }
  }
}

// Devices of bf16, whose products round what they multiply to 8 bits: 4e-3 of each number, at random.
TEST_P(Kernels, StayNearInBf16) {
  const auto ref = ops::make_ref_device();
  const Inputs expected = gradients_on(*ref);
  for (const auto& [name, device] : all_cpu_devices(2, Precision::kBF16)) {
    const Inputs got = gradients_on(*device);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_LE(relative_error(got[i], expected[i]), 1e-2) << name << ", input " << i;
    }
  }
}

TEST_P(Kernels, GiveTheSameBitsWithAnyNumberOfThreads) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const auto one = all_cpu_devices(1, precision);
    for (std::size_t set = 0; set < one.size(); ++set) {
      const Inputs expected = gradients_on(*one[set].device);
      for (const int threads : {2, 3, 5}) {
        const auto many = all_cpu_devices(threads, precision);
        const Inputs got = gradients_on(*many[set].device);
        for (std::size_t i = 0; i < got.size(); ++i) {
          EXPECT_TRUE(same_bits(got[i], expected[i])) << one[set].name << ", " << threads << ", input " << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Kernels, testing::ValuesIn(op_cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace dq::test
