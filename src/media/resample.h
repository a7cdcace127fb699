#pragma once
// One-dimensional resampling, the part that every resize shares.
#include <cstdint>
#include <span>
#include <vector>

namespace dq::media {

// Output i = Σ_k weights[i·stride + k] · input[first[i] + k] for k < count[i].
struct Taps {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> count;
  std::vector<double> weights;
  std::int64_t stride = 0;

  std::span<const double> of(std::int64_t i) const {
    return {weights.data() + i * stride, static_cast<std::size_t>(count[static_cast<std::size_t>(i)])};
  }
};

enum class Kernel : std::uint8_t { kBox, kTriangle, kCatmullRom, kLanczos3, kNearest };

// A kernel that widens when shrinking, so that no pixel is skipped, with pixel centres at halves: Pillow's
// rule.
Taps antialiased_taps(std::int64_t in, std::int64_t out, Kernel kernel);

enum class PointKernel : std::uint8_t { kNearestExact, kBilinear, kBicubic, kArea };

// PyTorch's interpolate(align_corners=False, antialias=False): the kernel does not widen; bicubic has a =
// −0.75.
Taps point_taps(std::int64_t in, std::int64_t out, PointKernel kernel);

// Resamples the middle axis of [outer, in, inner] to [outer, out, inner].
void resample_axis(std::span<const float> from, std::span<float> to, std::int64_t outer, std::int64_t in,
                   std::int64_t inner, const Taps& taps);
// The same for bytes. Weights are whole multiples of 2^-22 and sums 32-bit integers, rounded and clamped:
// Pillow's arithmetic, so that results are the same to the bit.
void resample_axis(std::span<const std::uint8_t> from, std::span<std::uint8_t> to, std::int64_t outer,
                   std::int64_t in, std::int64_t inner, const Taps& taps);

}  // namespace dq::media
