#include "mini/palette.h"

#include <gtest/gtest.h>

namespace dq::mini {
namespace {

TEST(Palette, LabOfKnownColours) {
  // Reference values of sRGB primaries under D65 (Lindbloom's calculator), to two decimals.
  const Lab white = to_lab({255, 255, 255}), red = to_lab({255, 0, 0}), blue = to_lab({0, 0, 255});
  EXPECT_NEAR(white.l, 100, 0.01);
  EXPECT_NEAR(white.a, 0, 0.02);
  EXPECT_NEAR(white.b, 0, 0.02);
  EXPECT_NEAR(red.l, 53.24, 0.02);
  EXPECT_NEAR(red.a, 80.09, 0.02);
  EXPECT_NEAR(red.b, 67.20, 0.02);
  EXPECT_NEAR(blue.l, 32.30, 0.02);
  EXPECT_NEAR(blue.a, 79.19, 0.02);
  EXPECT_NEAR(blue.b, -107.86, 0.02);
  EXPECT_NEAR(to_lab({0, 0, 0}).l, 0, 1e-9);
}

TEST(Palette, EveryColourIsNearestToItselfAndFarFromTheOthers) {
  for (int i = 0; i < kColours; ++i) {
    const media::Rgb& a = palette()[static_cast<std::size_t>(i)].rgb;
    EXPECT_EQ(nearest_colour(a), i);
    for (int k = 0; k < i; ++k) {
      EXPECT_GT(distance(to_lab(a), to_lab(palette()[static_cast<std::size_t>(k)].rgb)), 25) << i << " " << k;
    }
  }
  EXPECT_EQ(palette()[static_cast<std::size_t>(nearest_colour({255, 0, 0}))].en, "red");
  EXPECT_EQ(palette()[static_cast<std::size_t>(nearest_colour({0, 0, 0}))].en, "black");
}

}  // namespace
}  // namespace dq::mini
