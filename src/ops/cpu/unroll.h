#pragma once
// Loops with constant arguments. Included by kernel sources only (see simd.h).
#include <utility>

namespace dq::ops::cpu {
namespace {

// A number as a type, for arguments that must be constants.
template <int kValue>
struct Index {
  constexpr operator int() const { return kValue; }
};

// f(0), f(1) … f(n − 1) with constant arguments. Loops over the sums are spelled out this way before the
// compiler decides where variables live; unrolled later, they would pass through the stack.
template <class F, int... kIndex>
[[gnu::always_inline]] inline void unroll(std::integer_sequence<int, kIndex...>, const F& f) {
  (f(Index<kIndex>{}), ...);
}

template <int kCount, class F>
[[gnu::always_inline]] inline void unroll(const F& f) {
  unroll(std::make_integer_sequence<int, kCount>{}, f);
}

}  // namespace
}  // namespace dq::ops::cpu
