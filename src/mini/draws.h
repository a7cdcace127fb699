#pragma once
// Random numbers that are the same on every machine: SplitMix64 (Steele et al. 2014), started from a pair of
// numbers. Nothing of <random>, whose distributions differ between libraries.
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/counter_random.h"

namespace dq::mini {

class Draws {
 public:
  // Each (seed, index) is a stream of its own.
  Draws(std::uint64_t seed, std::uint64_t index)
      : random_(SplitMix64::mixed(seed + SplitMix64::kStep) ^
                SplitMix64::mixed(~index * 0xd1342543de82ef95u)) {}

  std::uint64_t next() { return random_.next(); }

  // Uniform in [0, n), n ≥ 1, by the upper half of a 64-bit product. n is small here: the bias is < n/2³².
  int below(int n) { return static_cast<int>(random_.below(static_cast<std::uint64_t>(n))); }
  // Uniform in [lo, hi], both included; lo when hi < lo.
  int between(int lo, int hi) { return hi <= lo ? lo : lo + below(hi - lo + 1); }
  bool chance(int percent) { return below(100) < percent; }

  template <class T>
  const T& pick(std::span<const T> from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<int>(i)))]);
    }
  }

 private:
  SplitMix64 random_;
};

}  // namespace dq::mini
