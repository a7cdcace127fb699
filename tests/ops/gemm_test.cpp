// What stands behind the matrix ops: how products are cut, the memory they live in, and the functions of
// their epilogues.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <thread>

#include "base/error.h"
#include "ops/cpu/block_cache.h"
#include "ops/cpu/gemm_plan.h"
#include "ops/linear.h"
#include "ops/matrix_cases.h"

namespace dq::test {
namespace {

using ops::cpu::BlockCache;

TEST(GemmPlan, CoversEverythingWithinTheKernelsLimits) {
  for (const auto* kernels : {&ops::cpu::gemm_kernels_avx2(), &ops::cpu::gemm_kernels_emulated512(),
                              &ops::cpu::gemm_kernels_emulated_amx()}) {
    for (const std::int64_t m : {1, 2, 7, 77, 512, 8192, 262144}) {
      for (const std::int64_t panels : {1, 3, 20, 80, 640}) {
        for (const int threads : {1, 2, 5, 32}) {
          const auto split = ops::cpu::plan_gemm(kernels->f32, m, panels, 640, threads, true);
          EXPECT_GE(split.mc, 1);
          EXPECT_LE(split.mc, kernels->f32.mc);
          EXPECT_GE(split.nc, 1);
          EXPECT_LE(split.nc, panels);
        }
      }
    }
  }
}

TEST(GemmPlan, GivesEveryThreadWork) {
  const auto& shape = ops::cpu::gemm_kernels_avx2().f32;
  for (const int threads : {2, 3, 8, 32}) {
    for (const auto& [m, n] :
         {std::array<std::int64_t, 2>{8192, 320}, {2048, 640}, {512, 1280}, {128, 1280}}) {
      const std::int64_t panels = n / shape.nr;
      const auto split = ops::cpu::plan_gemm(shape, m, panels, 640, threads, true);
      const std::int64_t tasks = (m + split.mc - 1) / split.mc * ((panels + split.nc - 1) / split.nc);
      const std::int64_t rounds = (tasks + threads - 1) / threads;
      // At least 70 % of the threads' time is work, all tasks being about as long.
      EXPECT_GE(static_cast<double>(m * panels),
                0.7 * static_cast<double>(rounds * threads * split.mc * split.nc))
          << threads << " " << m << "×" << n;
    }
  }
}

TEST(CpuDevice, RefusesWeightsPackedForOtherKernels) {
  const auto narrow = ops::make_cpu_device({.threads = 1, .isa = ops::Isa::kAvx2});
  const auto wide = ops::cpu::make_emulated512_device(1, Precision::kF32);
  const auto weight = ops::pack_linear(*wide, random_tensor(*wide, {8, 8}, 1), Precision::kF32);
  try {
    ops::linear(random_tensor(*narrow, {2, 8}, 2), weight);
    FAIL() << "a weight of another layout was read";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInternal);
  }
}

TEST(CpuDevice, KnowsItsInstructionSet) {
  EXPECT_TRUE(ops::cpu::has_isa(ops::best_isa()));
  for (const ops::Isa isa : {ops::Isa::kAvx2, ops::Isa::kAvx512, ops::Isa::kAvx512Bf16, ops::Isa::kAmx}) {
    if (ops::cpu::has_isa(isa)) {
      EXPECT_NE(ops::make_cpu_device({.threads = 1, .isa = isa})->name().find(to_string(isa)),
                std::string::npos);
    } else {
      EXPECT_THROW(ops::make_cpu_device({.threads = 1, .isa = isa}), Error);
    }
  }
}

TEST(BlockCache, CountsAndAligns) {
  BlockCache cache;
  {
    std::vector<std::shared_ptr<std::byte>> blocks;
    for (const std::uint64_t bytes : {0, 1, 63, 4096, 300000, 5 << 20}) {
      blocks.push_back(cache.allocate(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().get()) % 64, 0u);
      if (bytes > 0) blocks.back().get()[0] = blocks.back().get()[bytes - 1] = std::byte{1};
    }
    EXPECT_EQ(cache.use().now, 1 + 63 + 4096 + 300000 + (5 << 20));
  }
  EXPECT_EQ(cache.use().now, 0);
  EXPECT_EQ(cache.use().peak, 1 + 63 + 4096 + 300000 + (5 << 20));
}

TEST(BlockCache, UsesLargeBlocksAgain) {
  BlockCache cache;
  const std::byte* first = cache.allocate(10 << 20).get();
  EXPECT_GE(cache.kept(), 10 << 20);
  EXPECT_EQ(cache.allocate((10 << 20) - 1000).get(), first);
}

TEST(BlockCache, CutsAndJoinsWhatIsFree) {
  BlockCache cache;
  const std::byte* first = cache.allocate(30 << 20).get();
  std::vector<std::shared_ptr<std::byte>> thirds(3);
  for (auto& third : thirds) third = cache.allocate(10 << 20);
  EXPECT_EQ(thirds[0].get(), first);
  EXPECT_EQ(thirds[1].get(), first + (10 << 20));
  EXPECT_EQ(thirds[2].get(), first + (20 << 20));
  EXPECT_EQ(cache.kept(), 0);
  for (const int i : {0, 2, 1}) thirds[static_cast<std::size_t>(i)].reset();
  EXPECT_EQ(cache.allocate(30 << 20).get(), first);
  EXPECT_EQ(cache.kept(), 30 << 20);
}

TEST(BlockCache, BlocksNeverOverlap) {
  BlockCache cache;
  std::vector<std::pair<std::shared_ptr<std::byte>, std::size_t>> live;
  std::uint32_t state = 1;
  const auto random = [&](std::uint32_t n) { return (state = state * 1664525u + 1013904223u) / 65536 % n; };
  for (int i = 0; i < 3000; ++i) {
    if (live.size() > 20 || (!live.empty() && random(3) == 0)) {
      const std::size_t at = random(static_cast<std::uint32_t>(live.size()));
      const auto mark = static_cast<std::byte>(live[at].second % 251);
      ASSERT_EQ(live[at].first.get()[0], mark) << i;
      ASSERT_EQ(live[at].first.get()[live[at].second - 1], mark) << i;
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      const std::size_t bytes = 200000 + std::size_t{random(40)} * random(40) * 30011;
      live.emplace_back(cache.allocate(bytes), bytes);
      live.back().first.get()[0] = live.back().first.get()[bytes - 1] = static_cast<std::byte>(bytes % 251);
    }
    if (i % 500 == 499) cache.release();
  }
}

TEST(BlockCache, HoldsLittleMoreThanWasLiveAtOnce) {
  BlockCache cache;
  std::int64_t most = 0, kept = 0;
  for (int i = 0; i < 400; ++i) {
    const auto a = cache.allocate(static_cast<std::uint64_t>((i % 7 + 1) << 23));
    const auto b = cache.allocate(static_cast<std::uint64_t>((i % 5 + 1) << 23));
    most = std::max<std::int64_t>(most, cache.use().now);
    kept = std::max(kept, cache.kept());
    ASSERT_LE(cache.use().now + cache.kept(), most + (64 << 20)) << i;
  }
  EXPECT_GT(kept, 64 << 20);  // and does hold it
  cache.release();
  EXPECT_EQ(cache.kept(), 0);
}

TEST(BlockCache, GivesBackWhatNobodyAsksFor) {
  BlockCache cache;
  cache.allocate(64 << 20);
  const std::int64_t before = cache.kept();
  for (int i = 0; i < 20000; ++i) cache.allocate(1 << 20);
  EXPECT_GE(before, 64 << 20);
  EXPECT_LE(cache.kept(), 2 << 20);
}

TEST(BlockCache, BlocksOutliveIt) {
  auto cache = std::make_unique<BlockCache>();
  const auto block = cache->allocate(1 << 20);
  cache.reset();
  block.get()[0] = block.get()[(1 << 20) - 1] = std::byte{7};
  EXPECT_EQ(block.get()[0], std::byte{7});
}

TEST(BlockCache, SaysHowMuchItCouldNotGive) {
  BlockCache cache;
  try {
    cache.allocate(std::numeric_limits<std::uint64_t>::max() / 2);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(e.message().find("9223372036854775807"), std::string::npos);
  }
  EXPECT_EQ(cache.use().now, 0);
}

TEST(BlockCache, ServesThreadsAtOnce) {
  BlockCache cache;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 300; ++i) {
        const auto block = cache.allocate(static_cast<std::uint64_t>(300000 + i % 3 * 200000));
        block.get()[0] = static_cast<std::byte>(t);
        block.get()[299999] = static_cast<std::byte>(t);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(cache.use().now, 0);
}

// ---- activations, through a 1×1 product that changes nothing
// -------------------------------------------------

class Activations : public testing::TestWithParam<Variant> {};

double exact(ops::Activation act, double x) {
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  switch (act) {
    case ops::Activation::kSilu:
      return x * sigmoid(x);
    case ops::Activation::kGelu:
      return x * 0.5 * std::erfc(-x * std::sqrt(0.5));
    case ops::Activation::kGeluTanh:
      return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
    case ops::Activation::kQuickGelu:
      return x * sigmoid(1.702 * x);
    default:
      return x;
  }
}

// All are x·f with f → e^−E on the left. E is rounded a few times before e^−E is taken, and each rounding of
// half a unit in the last place (6e-8) moves f by E·6e-8: four of them, on top of 5e-7 for everything else.
TEST_P(Activations, AreAsExactAsTheirArgumentsRounding) {
  const auto device = GetParam().device(1);
  constexpr std::int64_t count = 40001;
  Tensor x = Tensor::empty(*device, DType::kF32, {count, 1});
  for (std::int64_t i = 0; i < count; ++i) {
    const float v = static_cast<float>(i - count / 2) * 0x1p-11f;
    x.data<float>()[i] = GetParam().precision == Precision::kBF16 ? to_float(to_bfloat16(v)) : v;
  }
  const auto one =
      ops::pack_linear(*device, Tensor::from(*device, std::array{1.0f}, {1, 1}), GetParam().precision);
  using ops::Activation;
  for (const Activation act :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh, Activation::kQuickGelu}) {
    ops::LinearOptions options;
    options.act = act;
    const Tensor y = ops::linear(x, one, options);
    double worst = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double v = static_cast<double>(x.data<float>()[i]), truth = exact(act, v);
      if (v == 0) continue;
      const double error = std::fabs(static_cast<double>(y.data<float>()[i]) / truth - 1);
      worst = std::max(worst, error / (5e-7 + 2.4e-7 * std::max(0.0, -std::log(truth / v))));
    }
    EXPECT_LE(worst, 1) << static_cast<int>(act);
  }
}

TEST_P(Activations, ReachTheirLimits) {
  const auto device = GetParam().device(1);
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from(*device, std::array{-1000.0f, 1000.0f, inf, 3e38f, -3e38f, 0.0f}, {6, 1});
  const auto one =
      ops::pack_linear(*device, Tensor::from(*device, std::array{1.0f}, {1, 1}), Precision::kF32);
  using ops::Activation;
  for (const Activation act :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh, Activation::kQuickGelu}) {
    ops::LinearOptions options;
    options.act = act;
    const Tensor y = ops::linear(x, one, options);
    const float expected[] = {0, 1000, inf, 3e38f, 0, 0};
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(y.data<float>()[i], expected[i]) << static_cast<int>(act) << " " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Activations, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace dq::test
