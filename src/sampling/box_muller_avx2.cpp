// PyTorch (2.13 checked; the kernel has stood since 1.5) fills tensors of 16 and more floats with an AVX2
// kernel: Cephes' single-precision log, sin and cos (Moshier 1989), every multiply-add fused as GCC contracts
// it. The fusions are written out here, so that the bits do not depend on the compiler. Machines with AVX-512
// run the same AVX2 kernel; a PyTorch forced to plain C++ (ATEN_CPU_CAPABILITY=default) gives other last
// bits.
#include "sampling/box_muller.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace dq::sampling {
namespace {

constexpr int kLanes = 8;

// Choices are made by masks, all ones or all zeros, so that the loop below becomes vector instructions.
std::uint32_t mask_of(bool yes) {
  return -static_cast<std::uint32_t>(yes);
}
float masked(float value, std::uint32_t mask) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & mask);
}

// log(x) for 0 < x ≤ 1. x = m·2^e with m in [√½, √2), then a polynomial in m − 1.
float log_cephes(float value) {
  constexpr std::uint32_t kRootHalf = std::bit_cast<std::uint32_t>(0.707106781186547524F);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t mantissa_bits = (bits & 0x807fffffU) | 0x3f000000U;
  const std::uint32_t small = mask_of(mantissa_bits < kRootHalf);
  const float mantissa = std::bit_cast<float>(mantissa_bits);
  const float e =
      (static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 127) + 1.0F) - masked(1.0F, small);
  const float x = (mantissa - 1.0F) + masked(mantissa, small);
  const float z = x * x;
  float y = 7.0376836292E-2F;
  y = __builtin_fmaf(y, x, -1.1514610310E-1F);
  y = __builtin_fmaf(y, x, 1.1676998740E-1F);
  y = __builtin_fmaf(y, x, -1.2420140846E-1F);
  y = __builtin_fmaf(y, x, 1.4249322787E-1F);
  y = __builtin_fmaf(y, x, -1.6668057665E-1F);
  y = __builtin_fmaf(y, x, 2.0000714765E-1F);
  y = __builtin_fmaf(y, x, -2.4999993993E-1F);
  y = __builtin_fmaf(y, x, 3.3333331174E-1F);
  y = __builtin_fmaf(y * x, z, e * -2.12194440e-4F);
  y = y - z * 0.5F;
  return __builtin_fmaf(e, 0.693359375F, x + y);
}

struct SinCos {
  float sin, cos;
};

// Both for an angle in [0, 2π]: the octant j, the rest in three parts of π/4, two polynomials.
SinCos sin_cos_cephes(float angle) {
  const std::int32_t j = (static_cast<std::int32_t>(angle * 1.27323954473516F) + 1) & ~1;
  const float octant = static_cast<float>(j);
  float x = __builtin_fmaf(octant, -0.78515625F, angle);
  x = __builtin_fmaf(octant, -2.4187564849853515625e-4F, x);
  x = __builtin_fmaf(octant, -3.77489497744594108e-8F, x);
  const float z = x * x;
  float c = 2.443315711809948E-005F;
  c = __builtin_fmaf(c, z, -1.388731625493765E-003F);
  c = __builtin_fmaf(c, z, 4.166664568298827E-002F);
  c = __builtin_fmaf(c * z, z, -(z * 0.5F)) + 1.0F;
  float s = -1.9515295891E-4F;
  s = __builtin_fmaf(s, z, 8.3321608736E-3F);
  s = __builtin_fmaf(s, z, -1.6666654611E-1F);
  s = __builtin_fmaf(s * z, x, x);
  const auto quadrant = static_cast<std::uint32_t>(j);
  const std::uint32_t swapped = mask_of((quadrant & 2U) != 0);
  const std::uint32_t differ = (std::bit_cast<std::uint32_t>(s) ^ std::bit_cast<std::uint32_t>(c)) & swapped;
  const std::uint32_t sin = std::bit_cast<std::uint32_t>(s) ^ differ ^ ((quadrant & 4U) << 29);
  const std::uint32_t cos = std::bit_cast<std::uint32_t>(c) ^ differ ^ (((quadrant + 2U) & 4U) << 29);
  return {std::bit_cast<float>(sin), std::bit_cast<float>(cos)};
}

}  // namespace

void box_muller_16(float* x) {
  std::array<float, kLanes> cosines, sines;
  for (int i = 0; i < kLanes; ++i) {
    const float radius = std::sqrt(-2.0F * log_cephes(1.0F - x[i]));
    const SinCos turn = sin_cos_cephes(6.28318530717958647692F * x[i + kLanes]);
    // Adding zero turns −0 into +0, as the scaling by mean 0 and deviation 1 does.
    cosines[static_cast<std::size_t>(i)] = radius * turn.cos + 0.0F;
    sines[static_cast<std::size_t>(i)] = radius * turn.sin + 0.0F;
  }
  for (int i = 0; i < kLanes; ++i) {
    x[i] = cosines[static_cast<std::size_t>(i)];
    x[i + kLanes] = sines[static_cast<std::size_t>(i)];
  }
}

}  // namespace dq::sampling
