// Expected values: sd-scripts' bucketing rule, worked out by hand and by its published formula.
#include "train/buckets.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dq::train {
namespace {

TEST(Buckets, SizesOfA512Square) {
  const std::vector<Size> sizes = bucket_sizes({});
  // 262144 pixels: 256×1024 … 512×512 … 1024×256 in steps of 64.
  const std::vector<Size> expected{{256, 1024}, {320, 768}, {384, 640}, {448, 576}, {512, 512}, {576, 448},
                                   {640, 384},  {704, 320}, {768, 320}, {832, 256}, {896, 256}, {960, 256},
                                   {1024, 256}, {256, 832}, {256, 896}, {256, 960}, {320, 704}};
  for (const Size& size : expected) EXPECT_TRUE(std::count(sizes.begin(), sizes.end(), size)) << size.width;
  EXPECT_EQ(sizes.size(), expected.size());
  EXPECT_TRUE(std::is_sorted(sizes.begin(), sizes.end()));
}

TEST(Buckets, APictureCoversItsBucket) {
  const BucketRule rule;
  for (const Size picture :
       {Size{640, 480}, {480, 640}, {1920, 1080}, {333, 777}, {100, 3000}, {512, 512}, {13, 11}}) {
    const Placement p = place(rule, picture);
    EXPECT_GE(p.scaled.width, p.bucket.width) << picture.width;
    EXPECT_GE(p.scaled.height, p.bucket.height) << picture.width;
    EXPECT_TRUE(p.scaled.width == p.bucket.width || p.scaled.height == p.bucket.height);
  }
  EXPECT_EQ(place(rule, {640, 480}).bucket, (Size{576, 448}));    // 1.333: nearer to 1.286 than to 1.667
  EXPECT_EQ(place(rule, {640, 480}).scaled, (Size{597, 448}));    // wider than the bucket: heights agree
  EXPECT_EQ(place(rule, {1920, 1080}).bucket, (Size{640, 384}));  // 1.778: 1.667 and 2.2 are the neighbours
  EXPECT_EQ(place(rule, {1920, 1080}).scaled, (Size{683, 384}));
  EXPECT_EQ(place(rule, {576, 448}).scaled, (Size{576, 448}));
}

TEST(Buckets, WithoutEnlargingSmallPicturesKeepTheirSize) {
  BucketRule rule;
  rule.upscale = false;
  EXPECT_EQ(place(rule, {300, 200}).scaled, (Size{300, 200}));
  EXPECT_EQ(place(rule, {300, 200}).bucket, (Size{256, 192}));
  // √(262144·2) = 724 wide. By width 704 × 320 (2.2), by height 640 × 320 (2.0): the second has the picture's
  // shape.
  const Placement large = place(rule, {2000, 1000});
  EXPECT_EQ(large.scaled, (Size{640, 320}));
  EXPECT_EQ(large.bucket, (Size{640, 320}));
  EXPECT_THROW(place(rule, {63, 200}), Error);
}

TEST(Buckets, AJitteredCutIsAnywhereInALittleMore) {
  const Placement middle = place(BucketRule{}, {640, 512});
  double least = 1, most = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Placement p = jittered(middle, CounterRandom{i});
    EXPECT_EQ(p.bucket, middle.bucket);
    EXPECT_GE(p.scaled.width, middle.scaled.width);
    EXPECT_LE(p.scaled.width, middle.scaled.width * 11 / 10 + 1);
    EXPECT_NEAR(1.0 * p.scaled.width / p.scaled.height, 1.0 * middle.scaled.width / middle.scaled.height,
                0.01);
    for (const double share : {p.across, p.down}) {
      least = std::min(least, share);
      most = std::max(most, share);
    }
  }
  EXPECT_LT(least, 0.05);
  EXPECT_GT(most, 0.95);
  EXPECT_LT(most, 1);
}

TEST(Buckets, ABrokenPictureIsRefused) {
  EXPECT_THROW(place({}, {0, 5}), Error);
}

}  // namespace
}  // namespace dq::train
