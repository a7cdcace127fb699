// torch.randn on the CPU, bit for bit; goldens are FNV-1a hashes of PyTorch 2.13's own arrays.
#include "sampling/torch_generator.h"

#include <gtest/gtest.h>

#include "sampling/seed_sequence.h"
#include "support.h"

namespace dq::sampling {
namespace {

std::uint64_t seed_of(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>());
}

template <class Real>
std::string hash_of_next(TorchCpuGenerator& generator, std::size_t n) {
  std::vector<Real> out(n);
  generator.randn(out);
  return test::fnv1a(out.data(), n * sizeof(Real));
}

TEST(TorchGenerator, EngineIsMt19937) {
  TorchCpuGenerator generator(42);
  EXPECT_EQ(generator.next(), 1608637542U);
  EXPECT_EQ(generator.next(), 3421126067U);
  EXPECT_EQ(generator.next(), 4083286876U);
  EXPECT_EQ(generator.next(), 787846414U);
}

TEST(TorchGenerator, PrintedNumbersOfTorch) {
  std::vector<float> out(5);
  TorchCpuGenerator(42).randn(out);
  const std::vector<float> small = {0.3367F, 0.1288F, 0.2345F, 0.2303F, -1.1229F};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(out[i], small[i], 5e-5);
  out.resize(16);
  TorchCpuGenerator(42).randn(out);
  const std::vector<float> block = {1.926915F, 1.487284F, 0.900717F, -2.105521F, 0.678418F};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(out[i], block[i], 1e-6);
}

TEST(TorchGenerator, FreshGeneratorsOfEverySize) {
  const auto golden = test::golden_json("noise.json");
  ASSERT_EQ(golden["fresh"].size(), 7U * 73U);
  for (const auto& row : golden["fresh"]) {
    TorchCpuGenerator generator(seed_of(row[0]));
    EXPECT_EQ(hash_of_next<float>(generator, row[1].get<std::size_t>()), row[2].get<std::string>())
        << "seed " << row[0] << " size " << row[1];
  }
}

// The half pair that odd sizes below 16 leave must survive the calls of 16 and more, and serve both dtypes.
TEST(TorchGenerator, SuccessiveCallsOnOneGenerator) {
  const auto golden = test::golden_json("noise.json");
  std::size_t at = 0;
  for (const auto& seed : golden["seeds"]) {
    TorchCpuGenerator generator(seed_of(seed));
    for (const auto& size : golden["mixed_sizes"]) {
      const int n = size.get<int>();
      const auto count = static_cast<std::size_t>(std::abs(n));
      const std::string hash =
          n > 0 ? hash_of_next<float>(generator, count) : hash_of_next<double>(generator, count);
      EXPECT_EQ(hash, golden["mixed"][at].get<std::string>())
          << "seed " << seed << " call " << at << " size " << n;
      ++at;
    }
  }
  EXPECT_EQ(at, golden["mixed"].size());
}

TEST(SeedSequence, EqualsNumpy) {
  for (const auto& row : test::golden_json("noise.json")["seed_sequence"]) {
    std::vector<std::uint64_t> key;
    for (const auto& word : row[2]) key.push_back(seed_of(word));
    EXPECT_EQ(seed_sequence(seed_of(row[0]), key, 24, 4), row[1].get<std::vector<std::uint32_t>>())
        << "seed " << row[0] << " key " << row[2];
  }
  EXPECT_EQ(seed_sequence(0, {}, 4, 4),
            (std::vector<std::uint32_t>{2968811710U, 3677149159U, 745650761U, 2884920346U}));
}

}  // namespace
}  // namespace dq::sampling
