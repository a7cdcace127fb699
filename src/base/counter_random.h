#pragma once
// Random numbers that are a function of their place: a seed and a few counters (step, picture, purpose) give
// a stream, and a run that is continued needs to store nothing. SplitMix64 (Steele et al. 2014) over a mix of
// the counters. Not for security, and not torch's numbers: those are in sampling/.
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace dq {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state = 0) : state_(state) {}

  std::uint64_t next() { return mixed(state_ += kStep); }
  // [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // [0, n), n from 1 to 2³²: the upper half of a product with 32 bits, off by less than n/2³².
  std::uint64_t below(std::uint64_t n) { return (next() >> 32) * n >> 32; }

  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;
  static constexpr std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

class CounterRandom : public SplitMix64 {
 public:
  explicit CounterRandom(std::initializer_list<std::uint64_t> place) : SplitMix64(state_for(place)) {}

 private:
  static std::uint64_t state_for(std::initializer_list<std::uint64_t> place) {
    std::uint64_t state = 0;
    for (const std::uint64_t counter : place) state = mixed(state ^ mixed(counter + kStep));
    return state;
  }
};

// Normal numbers by pairs (Box & Muller 1958), mean 0 and deviation 1.
class Normals {
 public:
  explicit Normals(CounterRandom random) : random_(random) {}
  double next() {
    if (waiting_) {
      waiting_ = false;
      return second_;
    }
    const double radius = std::sqrt(-2 * std::log1p(-random_.uniform()));
    const double angle = 2 * std::numbers::pi * random_.uniform();
    second_ = radius * std::sin(angle);
    waiting_ = true;
    return radius * std::cos(angle);
  }

 private:
  CounterRandom random_;
  double second_ = 0;
  bool waiting_ = false;
};

}  // namespace dq
