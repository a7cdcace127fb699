#pragma once
// The kernel templates of winograd.h for products in f32. Included by winograd_<isa>.cpp only (see simd.h).
#include "ops/cpu/winograd_forms.h"

namespace dq::ops::cpu {
namespace {

template <class Math>
void winograd_input(const WinogradGroup& g, std::int64_t t0, std::int64_t t1) {
  using Isa = typename Math::Isa;
  const std::int64_t channels = g.images.channels;
  PatchPixels<WideForm> at;
  for (std::int64_t t = t0; t < t1; ++t) {
    find_pixels<WideForm>(g.images, g.first + t, at);
    for (std::int64_t c = 0; c < channels; c += Isa::kWidth) {
      const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, channels - c));
      float* to = static_cast<float*>(g.v) + c / Math::kKc * kWinogradProducts * g.v_stride + t * Math::kKc +
                  c % Math::kKc;
      typename Isa::Vec patch[6][6];
      input_patch<Isa, WideForm>(at, c, count, patch);
      for (int i = 0; i < kWinogradProducts; ++i) Isa::store(to + i * g.v_stride, patch[i / 6][i % 6]);
    }
  }
}

// Kernel lines and padding of the 36 matrices in U and M: one cache line more than full, so that they do not
// all fall into the same sets of L1.
template <class Math>
constexpr std::int64_t kUStride = Math::kKc* Math::kNr + 16;

template <class Math>
std::int64_t m_stride(std::int64_t tiles) {
  return tiles * Math::kNr + 16;
}

// The weight of tap·channels + c, one vector of output channels.
template <class Math>
typename Math::Isa::Vec load_weight(const Panels& w, std::int64_t panel, std::int64_t k,
                                    std::int64_t column) {
  using Isa = typename Math::Isa;
  const std::int64_t at = (panel * w.k + k) * Math::kNr + column;
  if constexpr (Isa::kHasBf16Dot) {
    if (w.format == PanelFormat::kBF16Pairs) {
      const std::int64_t lines = (w.k + 1) / 2;
      const auto* pairs =
          static_cast<const std::uint16_t*>(w.data) + ((panel * lines + k / 2) * Math::kNr + column) * 2;
      return k % 2 == 0 ? Isa::even(Isa::load_pairs(pairs)) : Isa::odd(Isa::load_pairs(pairs));
    }
  }
  if (w.format == PanelFormat::kF32) return Isa::load(static_cast<const float*>(w.data) + at);
  const auto* half = static_cast<const std::uint16_t*>(w.data) + at;
  return w.format == PanelFormat::kF16 ? Isa::load_f16(half) : Isa::load_bf16(half);
}

// U of channels [c0, c0 + kc).
template <class Math>
void winograd_weights(const Panels& w, std::int64_t panel, std::int64_t c0, std::int64_t kc, float* u) {
  using Isa = typename Math::Isa;
  using Vec = typename Isa::Vec;
  const std::int64_t channels = w.k / 9;
  for (std::int64_t c = 0; c < kc; ++c) {
    for (std::int64_t column = 0; column < Math::kNr; column += Isa::kWidth) {
      Vec taps[3][3], patch[6][6];
      for (int tap = 0; tap < 9; ++tap)
        taps[tap / 3][tap % 3] = load_weight<Math>(w, panel, tap * channels + c0 + c, column);
      weight_patch<Isa, WideForm>(taps, patch);
      float* to = u + c * Math::kNr + column;
      for (int i = 0; i < kWinogradProducts; ++i) Isa::store(to + i * kUStride<Math>, patch[i / 6][i % 6]);
    }
  }
}

template <class Math>
void winograd_output(const WinogradGroup& g, const Panels& w, const Epilogue& e, std::int64_t panel,
                     std::int64_t t0, std::int64_t t1, float* scratch) {
  using Isa = typename Math::Isa;
  const std::int64_t tiles = t1 - t0, channels = g.images.channels, stride = m_stride<Math>(tiles);
  const std::int64_t n0 = panel * Math::kNr, columns = smaller<std::int64_t>(Math::kNr, e.n - n0);
  const int vecs = static_cast<int>(ceil_div(columns, Isa::kWidth));
  float* u = scratch;
  float* m = u + kWinogradProducts * kUStride<Math>;
  const std::int64_t pieces = ceil_div(tiles, Math::kMr);
  for (std::int64_t c = 0; c < channels; c += Math::kKc) {
    const std::int64_t kc = smaller<std::int64_t>(Math::kKc, channels - c);
    const float* v =
        static_cast<const float*>(g.v) + c / Math::kKc * kWinogradProducts * g.v_stride + t0 * Math::kKc;
    winograd_weights<Math>(w, panel, c, kc, u);
    for (std::int64_t i = 0; i < kWinogradProducts; ++i) {
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t r0 = tiles * piece / pieces, r1 = tiles * (piece + 1) / pieces;
        pick_tile<Math>(static_cast<int>(r1 - r0), vecs)(kc, v + i * g.v_stride + r0 * Math::kKc,
                                                         u + i * kUStride<Math>,
                                                         m + i * stride + r0 * Math::kNr, c > 0);
      }
    }
  }
  for (std::int64_t t = 0; t < tiles; ++t) {
    const TilePlace<WideForm> place(g.images, g.first + t0 + t);
    for (std::int64_t i = 0; i < columns; i += Isa::kWidth) {
      const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, columns - i));
      output_tile<Isa, WideForm>(g.images, e, place, m + t * Math::kNr + i, stride, n0 + i, count);
    }
  }
}

template <class Math>
std::int64_t winograd_scratch(std::int64_t tiles) {
  return kWinogradProducts * (kUStride<Math> + m_stride<Math>(tiles));
}

template <class Math>
constexpr WinogradKernels winograd_kernels() {
  WinogradKernels k;
  k.tile = WideForm::kTile;
  k.products = kWinogradProducts;
  k.nr = Math::kNr;
  k.kc = Math::kKc;
  k.most_tiles = Math::kMc;
  k.number_bytes = sizeof(float);
  k.scratch_floats = winograd_scratch<Math>;
  k.input = winograd_input<Math>;
  k.output = winograd_output<Math>;
  return k;
}

}  // namespace
}  // namespace dq::ops::cpu
