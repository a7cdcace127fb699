#pragma once
// Whole pieces of a length. For plans; kernel sources keep functions of their own (see simd.h).
#include <cstdint>

namespace dq::ops::cpu {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

constexpr std::int64_t round_up(std::int64_t n, std::int64_t unit) {
  return ceil_div(n, unit) * unit;
}

}  // namespace dq::ops::cpu
