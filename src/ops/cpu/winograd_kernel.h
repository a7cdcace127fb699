#pragma once
// The kernel templates of winograd.h. Included by winograd_<isa>.cpp only (see simd.h).
#include "ops/cpu/gemm_kernel.h"
#include "ops/cpu/winograd.h"

namespace dq::ops::cpu {
namespace {

// The finite points ±a, ±b beside 0.
constexpr float kA = 0.625f, kB = 1.5f;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
// The denominators of G: Π (p − q) over the other finite points.
constexpr double kNorm0 = double{kA2} * double{kB2};
constexpr double kNormA = 2.0 * double{kA2} * (double{kA2} - double{kB2});
constexpr double kNormB = 2.0 * double{kB2} * (double{kB2} - double{kA2});

// Bᵀ d: rows are the polynomials Π (x − q) over the other points.
template <class Isa>
void input_line(const typename Isa::Vec (&d)[6], typename Isa::Vec (&out)[6]) {
  using Vec = typename Isa::Vec;
  const Vec a2 = Isa::set1(kA2), b2 = Isa::set1(kB2), sum = Isa::set1(kA2 + kB2),
            product = Isa::set1(kA2 * kB2);
  const Vec even_a = Isa::fnma(b2, d[2], d[4]), odd_a = Isa::set1(kA) * Isa::fnma(b2, d[1], d[3]);
  const Vec even_b = Isa::fnma(a2, d[2], d[4]), odd_b = Isa::set1(kB) * Isa::fnma(a2, d[1], d[3]);
  out[0] = Isa::fma(product, d[0], Isa::fnma(sum, d[2], d[4]));
  out[1] = even_a + odd_a;
  out[2] = even_a - odd_a;
  out[3] = even_b + odd_b;
  out[4] = even_b - odd_b;
  out[5] = Isa::fma(product, d[1], Isa::fnma(sum, d[3], d[5]));
}

// G g: the value of g₀ + g₁x + g₂x² at each point over its denominator, and g₂ at ∞.
template <class Isa>
void weight_line(const typename Isa::Vec (&g)[3], typename Isa::Vec (&out)[6]) {
  using Vec = typename Isa::Vec;
  const Vec even_a = Isa::fma(Isa::set1(static_cast<float>(1 / kNormA)), g[0],
                              Isa::set1(static_cast<float>(double{kA2} / kNormA)) * g[2]);
  const Vec even_b = Isa::fma(Isa::set1(static_cast<float>(1 / kNormB)), g[0],
                              Isa::set1(static_cast<float>(double{kB2} / kNormB)) * g[2]);
  const Vec odd_a = Isa::set1(static_cast<float>(double{kA} / kNormA)) * g[1];
  const Vec odd_b = Isa::set1(static_cast<float>(double{kB} / kNormB)) * g[1];
  out[0] = Isa::set1(static_cast<float>(1 / kNorm0)) * g[0];
  out[1] = even_a + odd_a;
  out[2] = even_a - odd_a;
  out[3] = even_b + odd_b;
  out[4] = even_b - odd_b;
  out[5] = g[2];
}

// Aᵀ m: Σ pⁱ m_p for i = 0 … 3.
template <class Isa>
void output_line(const typename Isa::Vec (&m)[6], typename Isa::Vec (&out)[4]) {
  using Vec = typename Isa::Vec;
  const Vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  out[0] = m[0] + (even_a + even_b);
  out[1] = Isa::fma(Isa::set1(kA), odd_a, Isa::set1(kB) * odd_b);
  out[2] = Isa::fma(Isa::set1(kA2), even_a, Isa::set1(kB2) * even_b);
  out[3] = Isa::fma(Isa::set1(kA * kA2), odd_a, Isa::fma(Isa::set1(kB * kB2), odd_b, m[5]));
}

// Where a tile lies.
struct TilePlace {
  std::int64_t image, row, column;  // of its first output
  TilePlace(const WinogradImages& p, std::int64_t tile)
      : image(tile / (p.tiles_y * p.tiles_x)),
        row(tile / p.tiles_x % p.tiles_y * kWinogradTile),
        column(tile % p.tiles_x * kWinogradTile) {}
};

// The 36 pixels under a tile; those outside the image are zeros.
inline void find_pixels(const WinogradImages& p, std::int64_t tile, const float* (&at)[6][6]) {
  const TilePlace place(p, tile);
  const std::int64_t h = p.height >> p.shift, w = p.width >> p.shift;
  for (int i = 0; i < 6; ++i) {
    const std::int64_t row = place.row - p.pad_top + i;
    const bool row_inside = row >= 0 && row < p.height;
    for (int j = 0; j < 6; ++j) {
      const std::int64_t column = place.column - p.pad_left + j;
      const bool inside = row_inside && column >= 0 && column < p.width;
      at[i][j] = inside ? p.x + ((place.image * h + (row >> p.shift)) * w + (column >> p.shift)) * p.channels
                        : p.zeros;
    }
  }
}

// Bᵀ d B of one vector of channels, `count` of them real.
template <class Isa>
void input_tile(const float* const (&at)[6][6], std::int64_t c, int count, float* to, std::int64_t stride) {
  using Vec = typename Isa::Vec;
  Vec half[6][6];
  for (int j = 0; j < 6; ++j) {
    Vec d[6], out[6];
    for (int i = 0; i < 6; ++i) d[i] = Isa::load_n(at[i][j] + c, count);
    input_line<Isa>(d, out);
    for (int i = 0; i < 6; ++i) half[i][j] = out[i];
  }
  for (int i = 0; i < 6; ++i) {
    Vec out[6];
    input_line<Isa>(half[i], out);
    for (int j = 0; j < 6; ++j) Isa::store(to + (i * 6 + j) * stride, out[j]);
  }
}

template <class Math>
void winograd_input(const WinogradGroup& g, std::int64_t t0, std::int64_t t1) {
  using Isa = typename Math::Isa;
  const std::int64_t channels = g.images.channels;
  const float* at[6][6];
  for (std::int64_t t = t0; t < t1; ++t) {
    find_pixels(g.images, g.first + t, at);
    for (std::int64_t c = 0; c < channels; c += Isa::kWidth) {
      const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, channels - c));
      float* to = g.v + c / Math::kKc * kWinogradProducts * g.v_stride + t * Math::kKc + c % Math::kKc;
      input_tile<Isa>(at, c, count, to, g.v_stride);
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
      Vec half[6][3];
      for (int j = 0; j < 3; ++j) {
        Vec g[3], out[6];
        for (int i = 0; i < 3; ++i)
          g[i] = load_weight<Math>(w, panel, (i * 3 + j) * channels + c0 + c, column);
        weight_line<Isa>(g, out);
        for (int i = 0; i < 6; ++i) half[i][j] = out[i];
      }
      for (int i = 0; i < 6; ++i) {
        Vec out[6];
        weight_line<Isa>(half[i], out);
        float* to = u + i * 6 * kUStride<Math> + c * Math::kNr + column;
        for (int j = 0; j < 6; ++j) Isa::store(to + j * kUStride<Math>, out[j]);
      }
    }
  }
}

// Aᵀ M A of one tile and vector of columns, and the epilogue, into y.
template <class Isa>
void output_tile(const WinogradImages& p, const Epilogue& e, const TilePlace& place, const float* m,
                 std::int64_t stride, std::int64_t n, int count) {
  using Vec = typename Isa::Vec;
  Vec half[4][6];
  for (int j = 0; j < 6; ++j) {
    Vec line[6], out[4];
    for (int i = 0; i < 6; ++i) line[i] = Isa::load(m + (i * 6 + j) * stride);
    output_line<Isa>(line, out);
    for (int i = 0; i < 4; ++i) half[i][j] = out[i];
  }
  Vec shift = e.bias ? Isa::load_n(e.bias + n, count) : Isa::zero();
  if (e.per_image) shift = shift + Isa::load_n(e.per_image + place.image * e.n + n, count);
  const int rows = static_cast<int>(smaller(kWinogradTile, p.out_height - place.row));
  const int columns = static_cast<int>(smaller(kWinogradTile, p.out_width - place.column));
  for (int i = 0; i < rows; ++i) {
    Vec out[4];
    output_line<Isa>(half[i], out);
    const std::int64_t pixel = (place.image * p.out_height + place.row + i) * p.out_width + place.column;
    for (int j = 0; j < columns; ++j) {
      const std::int64_t at = (pixel + j) * e.n + n;
      Vec v = out[j] + shift;
      if (e.residual) v = v + Isa::load_n(e.residual + at, count);
      Isa::store_n(e.y + at, count, v);
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
    const float* v = g.v + c / Math::kKc * kWinogradProducts * g.v_stride + t0 * Math::kKc;
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
    const TilePlace place(g.images, g.first + t0 + t);
    for (std::int64_t i = 0; i < columns; i += Isa::kWidth) {
      const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, columns - i));
      output_tile<Isa>(g.images, e, place, m + t * Math::kNr + i, stride, n0 + i, count);
    }
  }
}

template <class Math>
std::int64_t winograd_scratch(std::int64_t tiles) {
  return kWinogradProducts * (kUStride<Math> + m_stride<Math>(tiles));
}

template <class Math>
constexpr WinogradKernels winograd_kernels() {
  return {
      Math::kNr, Math::kKc, Math::kMc, winograd_scratch<Math>, winograd_input<Math>, winograd_output<Math>};
}

}  // namespace
}  // namespace dq::ops::cpu
