#pragma once
// Packed operands and register tiles of the two products of attention, S = Q·Kᵀ and O += P·V. Both read
//
//   left   [tile][step][rows][group]      a few rows, broadcast (for P: plain rows, kKeyBlock apart)
//   right  [panel][step][columns][group]  whole vectors
//
// where a step is `group` neighbours along the summed dimension: one f32, or two bf16.
// Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/vector_math.h"

namespace dq::ops::cpu {
namespace {

inline float minus_infinity() {
  return -__builtin_inff();
}

// log2 of a row's Σ 2^logit, of which `sum` is by 2^most less; +∞ for a row without any weight.
inline float log_sum(float most, float sum) {
  return sum == 0 ? __builtin_inff() : most + __builtin_log2f(sum);
}

template <class IsaType>
struct F32Products {
  using Isa = IsaType;
  using Number = float;
  using Right = typename Isa::Vec;
  static constexpr int kGroup = 1;

  static Right load(const float* p) { return Isa::load(p); }
  static typename Isa::Vec multiply_add(const float* left, const Right& right, typename Isa::Vec sum) {
    return Isa::fma(Isa::set1(*left), right, sum);
  }
  static float narrow(float v) { return v; }
  // Stores weights and returns them as the products will see them.
  static typename Isa::Vec store(float* p, typename Isa::Vec v) {
    Isa::store(p, v);
    return v;
  }
};

template <class IsaType>
struct Bf16Products {
  using Isa = IsaType;
  using Number = std::uint16_t;
  using Right = typename Isa::Pairs;
  static constexpr int kGroup = 2;

  static Right load(const std::uint16_t* p) { return Isa::load_pairs(p); }
  static typename Isa::Vec multiply_add(const std::uint16_t* left, const Right& right,
                                        typename Isa::Vec sum) {
    return Isa::dot_bf16(sum, Isa::broadcast_pair(left), right);
  }
  static std::uint16_t narrow(float v) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &v, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  static typename Isa::Vec store(std::uint16_t* p, typename Isa::Vec v) {
    Isa::store_bf16(p, v);
    return Isa::round_bf16(v);
  }
};

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

// Rows that fill the registers next to `vectors` columns: 12 sums on AVX2 (16 registers), 24 on AVX-512 (32).
template <class Isa>
constexpr int tile_rows(int vectors) {
  return (Isa::kWidth == 8 ? 12 : 24) / vectors;
}

// Sums of a tile: out[r][…] = out[r][…]·factor[r] + Σ_step left·right. Without factors: out is overwritten.
// Row r of the left side starts at left + r·row_stride and advances `left_step` numbers a step.
template <class Products, int kVectors, bool kScaleFirst>
void tile(const typename Products::Number* left, std::int64_t row_stride, std::int64_t left_step,
          const typename Products::Number* right, std::int64_t steps, const float* factors, float* out,
          std::int64_t out_stride) {
  using Isa = typename Products::Isa;
  constexpr int kRows = tile_rows<Isa>(kVectors);
  constexpr int kPanel = kVectors * Isa::kWidth * Products::kGroup;
  typename Isa::Vec sums[kRows][kVectors];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < kVectors; ++c) {
      if constexpr (kScaleFirst) {
        sums[r][c] = Isa::load(out + r * out_stride + c * Isa::kWidth) * Isa::set1(factors[r]);
      } else {
        sums[r][c] = Isa::zero();
      }
    }
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    typename Products::Right columns[kVectors];
#pragma GCC unroll 4
    for (int c = 0; c < kVectors; ++c)
      columns[c] = Products::load(right + c * Isa::kWidth * Products::kGroup);
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int c = 0; c < kVectors; ++c) {
        sums[r][c] = Products::multiply_add(left + r * row_stride, columns[c], sums[r][c]);
      }
    }
    left += left_step;
    right += kPanel;
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < kVectors; ++c) Isa::store(out + r * out_stride + c * Isa::kWidth, sums[r][c]);
  }
}

// A panel of values spans two vectors of columns; the first of an odd number spans three, a lone one itself.
inline int panel_vectors(std::int64_t vectors_left) {
  if (vectors_left == 1) return 1;
  return vectors_left % 2 != 0 ? 3 : 2;
}

}  // namespace
}  // namespace dq::ops::cpu
