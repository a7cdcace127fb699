#include "media/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dq::media {

namespace {

double support_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::kBox:
      return 0.5;
    case Kernel::kTriangle:
      return 1;
    case Kernel::kCatmullRom:
      return 2;
    case Kernel::kLanczos3:
      return 3;
    case Kernel::kNearest:
      break;
  }
  return 0;
}

// Keys 1981: the cubic convolution kernel with parameter a.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double value_of(Kernel kernel, double x) {
  switch (kernel) {
    case Kernel::kBox:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Kernel::kTriangle:
      return std::max(0.0, 1 - std::abs(x));
    case Kernel::kCatmullRom:
      return cubic(x, -0.5);
    case Kernel::kLanczos3:
      return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
    case Kernel::kNearest:
      break;
  }
  return 0;
}

Taps make_taps(std::int64_t out, std::int64_t stride) {
  Taps taps;
  taps.stride = stride;
  taps.first.resize(static_cast<std::size_t>(out));
  taps.count.resize(static_cast<std::size_t>(out));
  taps.weights.resize(static_cast<std::size_t>(out * stride));
  return taps;
}

Taps nearest_taps(std::int64_t in, std::int64_t out) {
  Taps taps = make_taps(out, 1);
  for (std::int64_t i = 0; i < out; ++i) {
    // ⌊(i + ½)·in/out⌋ in whole numbers
    taps.first[static_cast<std::size_t>(i)] = std::min((2 * i + 1) * in / (2 * out), in - 1);
    taps.count[static_cast<std::size_t>(i)] = 1;
    taps.weights[static_cast<std::size_t>(i)] = 1;
  }
  return taps;
}

// Each output is the mean of the inputs its interval touches, as adaptive average pooling has it.
Taps area_taps(std::int64_t in, std::int64_t out) {
  Taps taps = make_taps(out, in / out + 2);
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t first = i * in / out, end = ((i + 1) * in + out - 1) / out;
    taps.first[static_cast<std::size_t>(i)] = first;
    taps.count[static_cast<std::size_t>(i)] = end - first;
    for (std::int64_t k = 0; k < end - first; ++k) {
      taps.weights[static_cast<std::size_t>(i * taps.stride + k)] = 1.0 / static_cast<double>(end - first);
    }
  }
  return taps;
}

constexpr int kFixedBits = 22;

std::int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << kFixedBits);
  return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

std::uint8_t finish_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFixedBits, 0, 255));
}

// Sums over the taps in `Sum`, starting from `zero`; `finish` makes the result.
template <class T, class Sum, class Convert, class Finish>
void resample(std::span<const T> from, std::span<T> to, std::int64_t outer, std::int64_t in,
              std::int64_t inner, const Taps& taps, Sum zero, Convert convert, Finish finish) {
  const auto out = static_cast<std::int64_t>(taps.first.size());
  std::vector<Sum> weights(taps.weights.size());
  std::transform(taps.weights.begin(), taps.weights.end(), weights.begin(), convert);
  std::vector<Sum> sums(static_cast<std::size_t>(inner));
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < out; ++i) {
      std::fill(sums.begin(), sums.end(), zero);
      const T* source = from.data() + (o * in + taps.first[static_cast<std::size_t>(i)]) * inner;
      const Sum* weight = weights.data() + i * taps.stride;
      for (std::int64_t tap = 0; tap < taps.count[static_cast<std::size_t>(i)]; ++tap, source += inner) {
        for (std::int64_t k = 0; k < inner; ++k) {
          sums[static_cast<std::size_t>(k)] += weight[tap] * static_cast<Sum>(source[k]);
        }
      }
      std::transform(sums.begin(), sums.end(), to.data() + (o * out + i) * inner, finish);
    }
  }
}

}  // namespace

Taps antialiased_taps(std::int64_t in, std::int64_t out, Kernel kernel) {
  if (kernel == Kernel::kNearest) return nearest_taps(in, out);
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = support_of(kernel) * stretch;
  Taps taps = make_taps(out, static_cast<std::int64_t>(std::ceil(support)) * 2 + 1);
  std::vector<double> weights(static_cast<std::size_t>(taps.stride));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const auto end = std::min(static_cast<std::int64_t>(centre + support + 0.5), in);
    double sum = 0;
    for (std::int64_t k = first; k < end; ++k) {
      const double w = value_of(kernel, (static_cast<double>(k) - centre + 0.5) * (1.0 / stretch));
      weights[static_cast<std::size_t>(k - first)] = w;
      sum += w;
    }
    taps.first[static_cast<std::size_t>(i)] = first;
    taps.count[static_cast<std::size_t>(i)] = end - first;
    for (std::int64_t k = 0; k < end - first; ++k) {
      taps.weights[static_cast<std::size_t>(i * taps.stride + k)] =
          weights[static_cast<std::size_t>(k)] * (1.0 / sum);
    }
  }
  return taps;
}

Taps point_taps(std::int64_t in, std::int64_t out, PointKernel kernel) {
  if (kernel == PointKernel::kNearestExact) return nearest_taps(in, out);
  if (kernel == PointKernel::kArea) return area_taps(in, out);
  const bool bilinear = kernel == PointKernel::kBilinear;
  Taps taps = make_taps(out, 4);
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    if (bilinear) centre = std::max(centre, 0.0);
    const auto left = static_cast<std::int64_t>(std::floor(centre));
    const double t = centre - static_cast<double>(left);
    const std::int64_t low = bilinear ? left : left - 1, high = bilinear ? left + 1 : left + 2;
    // Taps beyond the edge repeat the edge: their weight goes to the last pixel inside.
    const std::int64_t first = std::clamp<std::int64_t>(low, 0, in - 1);
    taps.first[static_cast<std::size_t>(i)] = first;
    taps.count[static_cast<std::size_t>(i)] = std::clamp<std::int64_t>(high, 0, in - 1) - first + 1;
    for (std::int64_t k = low; k <= high; ++k) {
      const double x = static_cast<double>(k - left) - t;
      const double w = bilinear ? 1 - std::abs(x) : cubic(x, -0.75);
      const std::int64_t slot = std::clamp<std::int64_t>(k, 0, in - 1) - first;
      taps.weights[static_cast<std::size_t>(i * taps.stride + slot)] += w;
    }
  }
  return taps;
}

void resample_axis(std::span<const float> from, std::span<float> to, std::int64_t outer, std::int64_t in,
                   std::int64_t inner, const Taps& taps) {
  resample<float>(
      from, to, outer, in, inner, taps, 0.0f, [](double w) { return static_cast<float>(w); },
      [](float sum) { return sum; });
}

void resample_axis(std::span<const std::uint8_t> from, std::span<std::uint8_t> to, std::int64_t outer,
                   std::int64_t in, std::int64_t inner, const Taps& taps) {
  resample<std::uint8_t>(from, to, outer, in, inner, taps, std::int32_t{1} << (kFixedBits - 1), to_fixed,
                         finish_byte);
}

}  // namespace dq::media
