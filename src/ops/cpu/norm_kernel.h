#pragma once
// Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/norm_kernels.h"
#include "ops/cpu/vector_math.h"

namespace dq::ops::cpu {
namespace {

// Calls body(c, load, store) for each vector of channels; the last may be shorter, and its load and store
// know.
template <class Isa, class Body>
void each_vector(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + Isa::kWidth <= channels; c += Isa::kWidth) {
    body(
        c, [](const float* p) { return Isa::load(p); }, [](float* p, VecOf<Isa> v) { Isa::store(p, v); });
  }
  const int rest = static_cast<int>(channels - c);
  if (rest == 0) return;
  body(
      c, [rest](const float* p) { return Isa::load_n(p, rest); },
      [rest](float* p, VecOf<Isa> v) { Isa::store_n(p, rest, v); });
}

template <class Isa>
struct NormLoops {
  using Vec = VecOf<Isa>;

  // Pairs of pixels first: the order of the sums is fixed, and rounding stays small.
  static void add_four(const float* x, std::int64_t channels, const ChannelSums& s, bool centred) {
    each_vector<Isa>(channels, [&](std::int64_t c, auto load, auto) {
      const Vec m = Isa::load(s.rough_mean + c);
      const Vec a = load(x + c) - m, b = load(x + channels + c) - m;
      const Vec d = load(x + 2 * channels + c) - m, e = load(x + 3 * channels + c) - m;
      Isa::store(s.first + c, Isa::load(s.first + c) + ((a + b) + (d + e)));
      if (!centred) return;
      const Vec squares = Isa::fma(a, a, b * b) + Isa::fma(d, d, e * e);
      Isa::store(s.second + c, Isa::load(s.second + c) + squares);
    });
  }
  static void add_one(const float* x, std::int64_t channels, const ChannelSums& s, bool centred) {
    each_vector<Isa>(channels, [&](std::int64_t c, auto load, auto) {
      const Vec a = load(x + c) - Isa::load(s.rough_mean + c);
      Isa::store(s.first + c, Isa::load(s.first + c) + a);
      if (centred) Isa::store(s.second + c, Isa::fma(a, a, Isa::load(s.second + c)));
    });
  }
  static void add_pixels(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelSums& s,
                         bool centred) {
    each_vector<Isa>(channels, [&](std::int64_t c, auto, auto) {
      Isa::store(s.first + c, Isa::zero());
      Isa::store(s.second + c, Isa::zero());
    });
    std::int64_t p = 0;
    for (; p + 4 <= pixels; p += 4) add_four(x + p * channels, channels, s, centred);
    for (; p < pixels; ++p) add_one(x + p * channels, channels, s, centred);
  }

  // First sums around the first pixel give the rough mean; then the sums around that.
  static void sum_channels(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelSums& s) {
    each_vector<Isa>(channels,
                     [&](std::int64_t c, auto load, auto) { Isa::store(s.rough_mean + c, load(x + c)); });
    add_pixels(x, pixels, channels, s, false);
    const Vec share = Isa::set1(1.0f / static_cast<float>(pixels));
    each_vector<Isa>(channels, [&](std::int64_t c, auto, auto) {
      Isa::store(s.rough_mean + c, Isa::fma(Isa::load(s.first + c), share, Isa::load(s.rough_mean + c)));
    });
    add_pixels(x, pixels, channels, s, true);
  }

  template <Activation kAct>
  static void map_with(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelMap& map,
                       float* y) {
    for (std::int64_t p = 0; p < pixels; ++p, x += channels, y += channels) {
      each_vector<Isa>(channels, [&](std::int64_t c, auto load, auto store) {
        const Vec centred = load(x + c) - Isa::load(map.mean + c);
        const Vec z = Isa::fma(centred, Isa::load(map.scale + c), Isa::load(map.shift + c));
        store(y + c, cpu::activate<Isa>(z, kAct));
      });
    }
  }
  static void map_channels(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelMap& map,
                           Activation act, float* y) {
    switch (act) {
      case Activation::kNone:
        return map_with<Activation::kNone>(x, pixels, channels, map, y);
      case Activation::kSilu:
        return map_with<Activation::kSilu>(x, pixels, channels, map, y);
      case Activation::kGelu:
        return map_with<Activation::kGelu>(x, pixels, channels, map, y);
      case Activation::kGeluTanh:
        return map_with<Activation::kGeluTanh>(x, pixels, channels, map, y);
      case Activation::kQuickGelu:
        return map_with<Activation::kQuickGelu>(x, pixels, channels, map, y);
    }
  }

  static void layer_norm(const float* x, std::int64_t width, const float* weight, const float* bias,
                         float eps, float* y) {
    const auto count = static_cast<float>(width);
    const std::int64_t whole = width / Isa::kWidth * Isa::kWidth;
    const int rest = static_cast<int>(width - whole);
    const float start = x[0];
    Vec sum = Isa::zero();
    for (std::int64_t c = 0; c < whole; c += Isa::kWidth) sum = sum + (Isa::load(x + c) - Isa::set1(start));
    float total = Isa::sum(sum);
    for (std::int64_t c = whole; c < width; ++c) total += x[c] - start;
    const float mean = start + total / count;
    Vec first = Isa::zero(), second = Isa::zero();
    for (std::int64_t c = 0; c < whole; c += Isa::kWidth) {
      const Vec d = Isa::load(x + c) - Isa::set1(mean);
      first = first + d;
      second = Isa::fma(d, d, second);
    }
    double left = Isa::sum(first), squares = Isa::sum(second);
    for (int i = 0; i < rest; ++i) {
      const float d = x[whole + i] - mean;
      left += d;
      squares += static_cast<double>(d) * d;
    }
    left /= count;
    const double variance = squares / count - left * left;
    const auto inverse = static_cast<float>(1 / __builtin_sqrt((variance < 0 ? 0 : variance) + eps));
    each_vector<Isa>(width, [&](std::int64_t c, auto load, auto store) {
      const Vec scale = load(weight + c) * Isa::set1(inverse);
      const Vec shift = Isa::fnma(Isa::set1(static_cast<float>(left)), scale, load(bias + c));
      store(y + c, Isa::fma(load(x + c) - Isa::set1(mean), scale, shift));
    });
  }

  template <Activation kAct>
  static void activate_with(const float* x, std::int64_t n, float* y) {
    each_vector<Isa>(n, [&](std::int64_t i, auto load, auto store) {
      store(y + i, cpu::activate<Isa>(load(x + i), kAct));
    });
  }
  static void activate(const float* x, std::int64_t n, Activation act, float* y) {
    switch (act) {
      case Activation::kNone:
        return activate_with<Activation::kNone>(x, n, y);
      case Activation::kSilu:
        return activate_with<Activation::kSilu>(x, n, y);
      case Activation::kGelu:
        return activate_with<Activation::kGelu>(x, n, y);
      case Activation::kGeluTanh:
        return activate_with<Activation::kGeluTanh>(x, n, y);
      case Activation::kQuickGelu:
        return activate_with<Activation::kQuickGelu>(x, n, y);
    }
  }

  static constexpr NormKernels kernels() { return {sum_channels, map_channels, layer_norm, activate}; }
};

}  // namespace
}  // namespace dq::ops::cpu
