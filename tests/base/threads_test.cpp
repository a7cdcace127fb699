#include "base/threads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "base/error.h"

namespace dq {
namespace {

TEST(ThreadPool, DoesEachIndexOnce) {
  for (const int count : {1, 2, 3, 8}) {
    ThreadPool pool(count);
    EXPECT_EQ(pool.size(), count);
    for (const std::int64_t n : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(n));
      std::atomic<bool> thread_in_range{true};
      pool.parallel_for(n, [&](std::int64_t i, int thread) {
        if (thread < 0 || thread >= count) thread_in_range = false;
        ++done[static_cast<std::size_t>(i)];
      });
      EXPECT_TRUE(thread_in_range);
      EXPECT_TRUE(std::all_of(done.begin(), done.end(), [](const auto& d) { return d == 1; }));
    }
  }
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(4);
  std::atomic<std::int64_t> sum{0};
  for (int round = 0; round < 20'000; ++round) {
    pool.parallel_for(4, [&](std::int64_t i, int) { sum += i; });
  }
  EXPECT_EQ(sum, 20'000 * 6);
}

TEST(ThreadPool, ALoopEndsWhenItIsCancelled) {
  for (const int count : {1, 2, 4}) {
    ThreadPool pool(count);
    std::atomic<std::int64_t> done{0};
    {
      const StopScope scope(pool, [&done] { return done >= 10; });
      try {
        pool.parallel_for(1'000'000'000, [&](std::int64_t, int) { ++done; });
        FAIL() << "not cancelled";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCancelled);
      }
    }
    pool.parallel_for(100, [&](std::int64_t, int) { ++done; });  // out of the scope nothing is asked
    EXPECT_GE(done, 110);
  }
}

TEST(ThreadPool, LoopsSeeWhatEarlierLoopsWrote) {
  ThreadPool pool(3);
  std::vector<std::int64_t> values(1000, 0);  // not atomic: parallel_for must order the accesses
  for (int round = 0; round < 200; ++round) {
    pool.parallel_for(
        1000, [&](std::int64_t i, int) { values[static_cast<std::size_t>((i * 7 + round) % 1000)] += 1; });
  }
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), std::int64_t{0}), 200'000);
}

TEST(ThreadPool, ThrowsTheExceptionOfATask) {
  for (const int count : {1, 2, 5}) {
    ThreadPool pool(count);
    for (int round = 0; round < 200; ++round) {
      std::atomic<int> begun{0};
      EXPECT_THROW(pool.parallel_for(100,
                                     [&](std::int64_t i, int) {
                                       ++begun;
                                       if (i == round % 100) throw std::runtime_error("task");
                                     }),
                   std::runtime_error);
      EXPECT_LE(begun, 100);
    }
    std::atomic<int> after{0};
    pool.parallel_for(10, [&](std::int64_t, int) { ++after; });
    EXPECT_EQ(after, 10);  // the pool goes on working
  }
}

TEST(ThreadPool, EveryTaskMayThrow) {
  ThreadPool pool(4);
  for (int round = 0; round < 100; ++round) {
    EXPECT_THROW(pool.parallel_for(50, [](std::int64_t, int) { throw std::runtime_error("all"); }),
                 std::runtime_error);
  }
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(3);
    if (i % 2) pool.parallel_for(2, [](std::int64_t, int) {});
  }
  EXPECT_GE(usable_cores(), 1);
  EXPECT_EQ(ThreadPool(0).size(), usable_cores());
}

}  // namespace
}  // namespace dq
