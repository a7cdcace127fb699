#pragma once
// Winograd's transforms, a vector of channels at a time, for the two forms of winograd.h. Included by kernel
// sources only (see simd.h).
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

// At a, −a, b and −b, from the even and the odd part at a and at b.
template <class Isa, class Vec = typename Isa::Vec>
void at_points(const Vec& even_a, const Vec& odd_a, const Vec& even_b, const Vec& odd_b, Vec (&out)[6]) {
  out[1] = even_a + odd_a;
  out[2] = even_a - odd_a;
  out[3] = even_b + odd_b;
  out[4] = even_b - odd_b;
}

// F(4×4, 3×3) for products in f32.
struct WideForm {
  static constexpr int kTile = 4, kPatch = 6;

  // Bᵀ d: rows are the polynomials Π (x − q) over the other points.
  template <class Isa>
  static void input_line(const typename Isa::Vec (&d)[6], typename Isa::Vec (&out)[6]) {
    using Vec = typename Isa::Vec;
    const Vec a2 = Isa::set1(kA2), b2 = Isa::set1(kB2), sum = Isa::set1(kA2 + kB2),
              product = Isa::set1(kA2 * kB2);
    const Vec even_a = Isa::fnma(b2, d[2], d[4]), odd_a = Isa::set1(kA) * Isa::fnma(b2, d[1], d[3]);
    const Vec even_b = Isa::fnma(a2, d[2], d[4]), odd_b = Isa::set1(kB) * Isa::fnma(a2, d[1], d[3]);
    out[0] = Isa::fma(product, d[0], Isa::fnma(sum, d[2], d[4]));
    at_points<Isa>(even_a, odd_a, even_b, odd_b, out);
    out[5] = Isa::fma(product, d[1], Isa::fnma(sum, d[3], d[5]));
  }

  // G g: the value of g₀ + g₁x + g₂x² at each point over its denominator, and g₂ at ∞.
  template <class Isa>
  static void weight_line(const typename Isa::Vec (&g)[3], typename Isa::Vec (&out)[6]) {
    using Vec = typename Isa::Vec;
    const Vec even_a = Isa::fma(Isa::set1(static_cast<float>(1 / kNormA)), g[0],
                                Isa::set1(static_cast<float>(double{kA2} / kNormA)) * g[2]);
    const Vec even_b = Isa::fma(Isa::set1(static_cast<float>(1 / kNormB)), g[0],
                                Isa::set1(static_cast<float>(double{kB2} / kNormB)) * g[2]);
    const Vec odd_a = Isa::set1(static_cast<float>(double{kA} / kNormA)) * g[1];
    const Vec odd_b = Isa::set1(static_cast<float>(double{kB} / kNormB)) * g[1];
    out[0] = Isa::set1(static_cast<float>(1 / kNorm0)) * g[0];
    at_points<Isa>(even_a, odd_a, even_b, odd_b, out);
    out[5] = g[2];
  }

  // Aᵀ m: Σ pⁱ m_p for i = 0 … 3.
  template <class Isa>
  static void output_line(const typename Isa::Vec (&m)[6], typename Isa::Vec (&out)[4]) {
    using Vec = typename Isa::Vec;
    const Vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    out[0] = m[0] + (even_a + even_b);
    out[1] = Isa::fma(Isa::set1(kA), odd_a, Isa::set1(kB) * odd_b);
    out[2] = Isa::fma(Isa::set1(kA2), even_a, Isa::set1(kB2) * even_b);
    out[3] = Isa::fma(Isa::set1(kA * kA2), odd_a, Isa::fma(Isa::set1(kB * kB2), odd_b, m[5]));
  }
};

// F(2×2, 3×3) with the points 0, ±1, ∞, for products in bf16: its sums of at most four pixels, and quarters
// of nine weights, are rounded without losing more than a little.
struct NarrowForm {
  static constexpr int kTile = 2, kPatch = 4;

  template <class Isa>
  static void input_line(const typename Isa::Vec (&d)[4], typename Isa::Vec (&out)[4]) {
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[1] - d[3];
  }
  template <class Isa>
  static void weight_line(const typename Isa::Vec (&g)[3], typename Isa::Vec (&out)[4]) {
    using Vec = typename Isa::Vec;
    const Vec half = Isa::set1(0.5f), even = half * (g[0] + g[2]), odd = half * g[1];
    out[0] = g[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = g[2];
  }
  template <class Isa>
  static void output_line(const typename Isa::Vec (&m)[4], typename Isa::Vec (&out)[2]) {
    out[0] = m[0] + (m[1] + m[2]);
    out[1] = m[1] - m[2] - m[3];
  }
};

// Where a tile lies.
template <class Form>
struct TilePlace {
  std::int64_t image, row, column;  // of its first output
  TilePlace(const WinogradImages& p, std::int64_t tile)
      : image(tile / (p.tiles_y * p.tiles_x)),
        row(tile / p.tiles_x % p.tiles_y * Form::kTile),
        column(tile % p.tiles_x * Form::kTile) {}
};

// A pixel of x for each of a patch.
template <class Form>
using PatchPixels = const float * [Form::kPatch][Form::kPatch];

// The pixels under a tile; those outside the image are zeros.
template <class Form>
void find_pixels(const WinogradImages& p, std::int64_t tile, PatchPixels<Form>& at) {
  const TilePlace<Form> place(p, tile);
  const std::int64_t h = p.height >> p.shift, w = p.width >> p.shift;
  for (int i = 0; i < Form::kPatch; ++i) {
    const std::int64_t row = place.row - p.pad_top + i;
    const bool row_inside = row >= 0 && row < p.height;
    for (int j = 0; j < Form::kPatch; ++j) {
      const std::int64_t column = place.column - p.pad_left + j;
      const bool inside = row_inside && column >= 0 && column < p.width;
      at[i][j] = inside ? p.x + ((place.image * h + (row >> p.shift)) * w + (column >> p.shift)) * p.channels
                        : p.zeros;
    }
  }
}

// Bᵀ d B of one vector of channels, `count` of them real.
template <class Isa, class Form>
[[gnu::always_inline]] inline void input_patch(const PatchPixels<Form>& at, std::int64_t c, int count,
                                               typename Isa::Vec (&out)[Form::kPatch][Form::kPatch]) {
  using Vec = typename Isa::Vec;
  constexpr int kPatch = Form::kPatch;
  Vec half[kPatch][kPatch];
  for (int j = 0; j < kPatch; ++j) {
    Vec d[kPatch], line[kPatch];
    for (int i = 0; i < kPatch; ++i) d[i] = Isa::load_n(at[i][j] + c, count);
    Form::template input_line<Isa>(d, line);
    for (int i = 0; i < kPatch; ++i) half[i][j] = line[i];
  }
  for (int i = 0; i < kPatch; ++i) Form::template input_line<Isa>(half[i], out[i]);
}

// G g Gᵀ of one vector of output channels.
template <class Isa, class Form>
[[gnu::always_inline]] inline void weight_patch(const typename Isa::Vec (&taps)[3][3],
                                                typename Isa::Vec (&out)[Form::kPatch][Form::kPatch]) {
  using Vec = typename Isa::Vec;
  constexpr int kPatch = Form::kPatch;
  Vec half[kPatch][3];
  for (int j = 0; j < 3; ++j) {
    Vec g[3], line[kPatch];
    for (int i = 0; i < 3; ++i) g[i] = taps[i][j];
    Form::template weight_line<Isa>(g, line);
    for (int i = 0; i < kPatch; ++i) half[i][j] = line[i];
  }
  for (int i = 0; i < kPatch; ++i) Form::template weight_line<Isa>(half[i], out[i]);
}

// Aᵀ M A of one tile and vector of columns, and the epilogue, into y.
template <class Isa, class Form>
void output_tile(const WinogradImages& p, const Epilogue& e, const TilePlace<Form>& place, const float* m,
                 std::int64_t stride, std::int64_t n, int count) {
  using Vec = typename Isa::Vec;
  constexpr int kPatch = Form::kPatch, kTile = Form::kTile;
  Vec half[kTile][kPatch];
  for (int j = 0; j < kPatch; ++j) {
    Vec line[kPatch], out[kTile];
    for (int i = 0; i < kPatch; ++i) line[i] = Isa::load(m + (i * kPatch + j) * stride);
    Form::template output_line<Isa>(line, out);
    for (int i = 0; i < kTile; ++i) half[i][j] = out[i];
  }
  Vec shift = e.bias ? Isa::load_n(e.bias + n, count) : Isa::zero();
  if (e.per_image) shift = shift + Isa::load_n(e.per_image + place.image * e.n + n, count);
  const int rows = static_cast<int>(smaller<std::int64_t>(kTile, p.out_height - place.row));
  const int columns = static_cast<int>(smaller<std::int64_t>(kTile, p.out_width - place.column));
  for (int i = 0; i < rows; ++i) {
    Vec out[kTile];
    Form::template output_line<Isa>(half[i], out);
    const std::int64_t pixel = (place.image * p.out_height + place.row + i) * p.out_width + place.column;
    for (int j = 0; j < columns; ++j) {
      const std::int64_t at = (pixel + j) * e.n + n;
      Vec v = out[j] + shift;
      if (e.residual) v = v + Isa::load_n(e.residual + at, count);
      Isa::store_n(e.y + at, count, v);
    }
  }
}

}  // namespace
}  // namespace dq::ops::cpu
