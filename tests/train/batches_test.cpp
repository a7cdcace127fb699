#include "train/batches.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace dq::train {
namespace {

constexpr Size kSquare{512, 512}, kWide{640, 384};

std::vector<BatchItem> items() {
  return {{kSquare, 1}, {kWide, 2}, {kSquare, 3}, {kSquare, 1}, {kWide, 1}};
}

TEST(Batches, EachEpochShowsEveryPictureAsOftenAsItRepeats) {
  Batches batches(items(), 2, 7);
  EXPECT_EQ(batches.per_epoch(), 5);  // squares 5 → 3 batches, wide 3 → 2
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::map<std::size_t, int> seen;
    for (std::int64_t i = 0; i < batches.per_epoch(); ++i) {
      const Batch batch = batches.at(epoch * batches.per_epoch() + i);
      EXPECT_EQ(batch.epoch, epoch);
      for (const std::size_t item : batch.items) {
        ++seen[item];
        EXPECT_EQ(items()[item].bucket, batch.bucket);
      }
    }
    EXPECT_EQ(seen, (std::map<std::size_t, int>{{0, 1}, {1, 2}, {2, 3}, {3, 1}, {4, 1}}));
  }
}

TEST(Batches, TheOrderBelongsToTheSeedAndTheStep) {
  Batches one(items(), 2, 7), other(items(), 2, 7), third(items(), 2, 8);
  for (std::int64_t i = 24; i-- > 0;)
    EXPECT_EQ(one.at(i).items, other.at(i).items);  // whatever was asked before
  bool epochs_differ = false, seeds_differ = false;
  for (std::int64_t i = 0; i < 5; ++i) {
    epochs_differ |= one.at(i).items != other.at(i + 5).items;
    seeds_differ |= one.at(i).items != third.at(i).items;
  }
  EXPECT_TRUE(epochs_differ);
  EXPECT_TRUE(seeds_differ);
}

TEST(Batches, NothingIsRefused) {
  EXPECT_THROW(Batches({}, 1, 0), Error);
  EXPECT_THROW(Batches({{kSquare, 0}}, 1, 0), Error);
  EXPECT_THROW(Batches(items(), 0, 0), Error);
}

}  // namespace
}  // namespace dq::train
