#include "ops/upsample.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

TEST(UpsampleNearest, AgreesOverOddSizes) {
  const auto ref = ops::make_ref_device(), device = ops::make_cpu_device({.threads = 3});
  for (const std::int64_t channels : {1, 3, 20}) {
    for (std::int64_t from = 1; from < 40; from += 3) {
      const Tensor x = test::random_tensor(*ref, {2, from, from + 2, channels}, 1);
      for (const std::int64_t to :
           {from, 2 * from, from + 1, 3 * from - 1, std::int64_t{115}, std::int64_t{1}}) {
        const Tensor y = ops::upsample_nearest(test::moved(x, *device), to, to + 3);
        EXPECT_TRUE(test::same_bits(y, ops::upsample_nearest(x, to, to + 3))) << from << " to " << to;
      }
    }
  }
}

TEST(UpsampleNearest, EveryRatioReadsEveryRowItShould) {
  const auto ref = ops::make_ref_device(), device = ops::make_cpu_device({.threads = 1});
  for (std::int64_t from = 1; from <= 64; ++from) {
    Tensor x = Tensor::empty(*device, DType::kF32, {1, from, 1, 1});
    for (std::int64_t i = 0; i < from; ++i) x.data<float>()[i] = static_cast<float>(i);
    for (std::int64_t to = 1; to <= 200; ++to) {
      const Tensor y = ops::upsample_nearest(x, to, 1);
      for (std::int64_t i = 0; i < to; ++i) {
        ASSERT_EQ(y.data<float>()[i], static_cast<float>(ops::nearest_source(i, from, to)))
            << from << " to " << to;
      }
    }
  }
}

TEST(UpsampleNearest, RefusesEmptyImages) {
  const auto ref = ops::make_ref_device();
  const Tensor x = Tensor::zeros(*ref, DType::kF32, {1, 2, 2, 3});
  EXPECT_THROW(ops::upsample_nearest(x, 0, 4), Error);
  EXPECT_THROW(ops::upsample_nearest(x.slice(1, 0, 0), 4, 4), Error);
}

}  // namespace
}  // namespace dq
