// Every backward rule against central differences, in f64 on the naive truth.
#include <gtest/gtest.h>

#include <cmath>

#include "grad/op_cases.h"
#include "ops/devices.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

// f64 has 2^-53 a rounding: a difference of 2·10^-5 keeps ten digits, and what the cubic term of the op adds
// is (10^-5)² of it.
constexpr double kStep = 1e-5, kTolerance = 1e-6;

class FiniteDifference : public testing::TestWithParam<OpCase> {};

// ∂/∂x of the case's sum, for input `which`.
std::vector<double> differences(const OpCase& c, Inputs inputs, std::size_t which) {
  Tensor& x = inputs[which];
  std::vector<double> out;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    double& value = x.data<double>()[i];
    const double before = value;
    value = before + kStep;
    const double above = weighted_sum(c, inputs);
    value = before - kStep;
    out.push_back((above - weighted_sum(c, inputs)) / (2 * kStep));
    value = before;
  }
  return out;
}

double error(const Tensor& got, const std::vector<double>& expected) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = got.data<double>()[i] - expected[i];
    difference += d * d;
    norm += expected[i] * expected[i];
  }
  return std::sqrt(difference / norm);
}

TEST_P(FiniteDifference, AgreesWhoeverAsks) {
  const OpCase& c = GetParam();
  const auto ref = ops::make_ref_device();
  const Inputs inputs = random_inputs(*ref, DType::kF64, c.small, 1);
  std::vector<std::vector<double>> expected;
  for (std::size_t i = 0; i < inputs.size(); ++i) expected.push_back(differences(c, inputs, i));
  for (unsigned asked = 1; asked < 1u << inputs.size(); ++asked) {
    const Inputs got = gradients(c, inputs, asked);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].defined(), (asked >> i & 1u) != 0) << "input " << i << ", asked " << asked;
      if (!got[i].defined()) continue;
      ASSERT_EQ(got[i].shape(), inputs[i].shape());
      EXPECT_LE(error(got[i], expected[i]), kTolerance) << "input " << i << ", asked " << asked;
    }
  }
}

TEST_P(FiniteDifference, NothingIsRecordedWhereNobodyAsks) {
  const OpCase& c = GetParam();
  const auto ref = ops::make_ref_device();
  Inputs inputs = random_inputs(*ref, DType::kF64, c.small, 1);
  EXPECT_EQ(c.op(inputs).grad_node(), nullptr);
  for (Tensor& x : inputs) ask_gradient(x);
  EXPECT_NE(c.op(inputs).grad_node(), nullptr);
  ref->set_recording(false);
  EXPECT_EQ(c.op(inputs).grad_node(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Ops, FiniteDifference, testing::ValuesIn(op_cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace dq::test
