// torch.randn on CUDA. Expected numbers were printed by PyTorch on NVIDIA cards (flashinfer's and Forge's
// documentation show the same).
#include "sampling/philox_generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dq::sampling {
namespace {

void expect_near(std::span<const float> got, std::span<const float> want, double tolerance) {
  ASSERT_GE(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << "element " << i;
}

TEST(Philox, FirstNormalOfEachThread) {
  std::vector<float> out(16384);
  PhiloxGenerator generator(42);
  generator.randn(out);
  const std::vector<float> first = {0.194019F,  2.161374F,  -0.172051F, 0.849060F,  -1.924399F, 0.652985F,
                                    -0.649441F, -0.817525F, 0.527965F,  -1.275350F, -1.662126F, -0.303314F};
  expect_near(out, first, 2e-6);
  generator.randn(out);
  const std::vector<float> second = {0.1391F, -0.1082F, -0.7174F, 0.7566F};
  expect_near(out, second, 6e-5);
}

TEST(Philox, AnotherSeed) {
  std::vector<float> out(12);
  PhiloxGenerator(0).randn(out);
  const std::vector<float> want = {-0.9247F, -0.4253F, -2.6438F, 0.1452F,  -0.1209F, -0.5797F,
                                   -0.6229F, -0.3284F, -1.0745F, -0.3631F, -1.6711F, 2.2655F};
  expect_near(out, want, 6e-5);
}

// With one processor of 512 threads, element 512 is the second normal of thread 0, element 1024 the third,
// and element 2048 the first of its next block.
TEST(Philox, LargeTensorsGoRoundTheThreads) {
  std::vector<float> out(2049);
  PhiloxGenerator generator(42, {.processors = 1, .threads_per_processor = 512});
  generator.randn(out);
  EXPECT_NEAR(out[0], 0.1940, 6e-5);
  EXPECT_NEAR(out[512], -0.9702, 6e-5);
  EXPECT_NEAR(out[1024], 1.9239, 6e-5);
  EXPECT_NEAR(out[1536], -1.2356, 6e-5);
  // Two blocks were used up: the second is what a small second call would have given.
  EXPECT_NEAR(out[2048], 0.1391, 6e-5);
  std::vector<float> next(1), third(1);
  generator.randn(next);
  PhiloxGenerator small(42);
  for (int call = 0; call < 3; ++call) small.randn(third);
  EXPECT_EQ(next[0], third[0]);
}

TEST(Philox, HighSeedWordCounts) {
  EXPECT_NE(philox_4x32(1, 0, 0), philox_4x32(1 + (std::uint64_t{1} << 32), 0, 0));
  EXPECT_NE(philox_4x32(1, 0, 0), philox_4x32(1, std::uint64_t{1} << 32, 0));
}

}  // namespace
}  // namespace dq::sampling
