#include "train/loss_watch.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/counter_random.h"

namespace dq::train {
namespace {

// Single steps differ by a factor of twenty, as those of noise levels do.
std::vector<float> noisy(std::size_t count, float level) {
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    CounterRandom random{3, i};
    const double u = random.uniform();
    out.push_back(level * static_cast<float>(0.1 + 1.9 * u * u * u));
  }
  return out;
}

TEST(LossWatch, NoiseIsNoSpike) {
  const std::vector<float> losses = noisy(5000, 0.1F);
  for (std::size_t end = 1; end <= losses.size(); ++end)
    ASSERT_FALSE(has_spiked(std::span(losses).first(end))) << end;
}

TEST(LossWatch, ALevelThatStaysHighIsOne) {
  std::vector<float> losses = noisy(200, 0.1F);
  const std::vector<float> high = noisy(20, 0.5F);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_FALSE(has_spiked(losses) && i < 5) << i;  // a few steps are not enough
    losses.push_back(high[i]);
  }
  EXPECT_TRUE(has_spiked(losses));
  EXPECT_TRUE(may_spike(losses));
  // With a few of them nothing is certain, but it is no time to save.
  std::vector<float> some = noisy(200, 0.1F);
  some.insert(some.end(), 5, 1.0F);
  EXPECT_TRUE(may_spike(some));
  // Too few to tell.
  EXPECT_FALSE(has_spiked(std::span(losses).last(100)));
}

}  // namespace
}  // namespace dq::train
