#include "grad/average.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace dq::test {
namespace {

class WeightAverageTest : public testing::Test {
 protected:
  std::vector<grad::Trained> leaves() {
    return {{"a", random_tensor(*device_, {70, 300}, 1)}, {"b", random_tensor(*device_, {5}, 2)}};
  }
  // The leaves after a step.
  static void move(const std::vector<grad::Trained>& trained, std::uint64_t step) {
    for (std::size_t i = 0; i < trained.size(); ++i) {
      Tensor leaf = trained[i].leaf;
      const Tensor now = random_tensor(leaf.device(), leaf.shape(), 10 * step + i);
      std::copy_n(now.data<float>(), leaf.count(), leaf.data<float>());
    }
  }
  static bool equal(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0;
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2});
};

TEST_F(WeightAverageTest, FollowsItsFormula) {
  const auto trained = leaves();
  grad::WeightAverage average(trained, 0.6);
  std::vector<double> expected(5);
  for (std::size_t k = 0; k < 5; ++k) expected[k] = trained[1].leaf.data<float>()[k];
  for (std::uint64_t n = 0; n < 30; ++n) {
    move(trained, n);
    average.update();
    // (1 + n)/(10 + n) reaches 0.6 at n = 12.5.
    const double d = n < 13 ? (1.0 + static_cast<double>(n)) / (10.0 + static_cast<double>(n)) : 0.6;
    for (std::size_t k = 0; k < 5; ++k) {
      expected[k] = d * expected[k] + (1 - d) * trained[1].leaf.data<float>()[k];
      EXPECT_NEAR(average.values().at("b").data<float>()[k], expected[k], 1e-6) << n;
    }
  }
}

TEST_F(WeightAverageTest, GoesOnFromItsStateBitForBit) {
  const auto one = leaves(), two = leaves();
  grad::WeightAverage straight(one, 0.9), first(one, 0.9), second(two, 0.9);
  for (std::uint64_t n = 0; n < 8; ++n) {
    move(one, n);
    straight.update();
    if (n < 4) first.update();
    if (n == 3) second.load_state(first.state());
    move(two, n);
    if (n >= 4) second.update();
  }
  for (const auto& [name, value] : straight.state())
    EXPECT_TRUE(equal(second.state().at(name), value)) << name;
  EXPECT_FALSE(equal(first.state().at("value.a"), straight.state().at("value.a")));
  auto state = first.state();
  state.erase("value.b");
  EXPECT_THROW(second.load_state(state), Error);
  state = first.state();
  state["updates"] = Tensor::full(*device_, {2}, -1);
  EXPECT_THROW(second.load_state(state), Error);
}

TEST_F(WeightAverageTest, StandsInTheLeavesPlaceAndGoesAgain) {
  const auto trained = leaves();
  grad::WeightAverage average(trained, 0.9);
  move(trained, 1);
  average.update();
  const Tensor leaf = ops::copied(trained[0].leaf), value = ops::copied(average.values().at("a"));
  ASSERT_FALSE(equal(leaf, value));
  {
    const grad::AverageInPlace in_place(average);
    EXPECT_TRUE(equal(trained[0].leaf, value));
    EXPECT_TRUE(equal(average.values().at("a"), leaf));
    EXPECT_THROW(average.update(), Error);
    EXPECT_THROW(static_cast<void>(average.state()), Error);
  }
  EXPECT_TRUE(equal(trained[0].leaf, leaf));
  EXPECT_TRUE(equal(average.values().at("a"), value));
}

TEST_F(WeightAverageTest, DecaysOutOfRangeAreRefused) {
  for (const double decay : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(grad::WeightAverage(leaves(), decay), Error) << decay;
}

}  // namespace
}  // namespace dq::test
