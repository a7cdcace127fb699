#include "sampling/philox_generator.h"

#include <algorithm>
#include <cmath>

namespace dq::sampling {
namespace {

constexpr std::int64_t kThreadsPerBlock = 256;
constexpr std::int64_t kNormalsPerCall = 4;  // curand_normal4

// Two normals from two words: Box-Muller with the sine first.
void box_muller(std::uint32_t x, std::uint32_t y, float& first, float& second) {
  constexpr float kInv = 2.3283064365386963e-10F;  // 2⁻³²
  constexpr float kInvTwoPi = kInv * 6.2831855F;
  const float u = static_cast<float>(x) * kInv + kInv / 2;
  const float v = static_cast<float>(y) * kInvTwoPi + kInvTwoPi / 2;
  const float radius = std::sqrt(-2.0F * std::log(u));
  first = radius * std::sin(v);
  second = radius * std::cos(v);
}

}  // namespace

std::array<std::uint32_t, 4> philox_4x32(std::uint64_t seed, std::uint64_t subsequence,
                                         std::uint64_t offset) {
  std::array<std::uint32_t, 4> c = {
      static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(offset >> 32),
      static_cast<std::uint32_t>(subsequence), static_cast<std::uint32_t>(subsequence >> 32)};
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

// PyTorch's distribution kernel: thread t of T writes elements t, t + T, t + 2T and t + 3T from one block of
// four normals, then goes on 4T further with its next block.
void PhiloxGenerator::randn(std::span<float> out) {
  const auto n = static_cast<std::int64_t>(out.size());
  if (n == 0) return;
  const std::int64_t resident =
      std::int64_t{gpu_.processors} * (gpu_.threads_per_processor / kThreadsPerBlock);
  const std::int64_t blocks = std::min((n + kThreadsPerBlock - 1) / kThreadsPerBlock, resident);
  const std::int64_t threads = blocks * kThreadsPerBlock;
  const std::int64_t stride = threads * kNormalsPerCall;
  std::uint64_t call = 0;
  for (std::int64_t base = 0; base < n; base += stride, ++call) {
    for (std::int64_t t = 0; t < threads && base + t < n; ++t) {
      const auto words = philox_4x32(seed_, static_cast<std::uint64_t>(t), offset_ + call);
      std::array<float, 4> normals{};
      box_muller(words[0], words[1], normals[0], normals[1]);
      box_muller(words[2], words[3], normals[2], normals[3]);
      for (std::int64_t i = 0; i < kNormalsPerCall && base + t + i * threads < n; ++i) {
        out[static_cast<std::size_t>(base + t + i * threads)] = normals[static_cast<std::size_t>(i)];
      }
    }
  }
  offset_ += call;
}

}  // namespace dq::sampling
