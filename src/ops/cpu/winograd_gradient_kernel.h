#pragma once
// The kernel templates of winograd_gradient.h. Included by winograd_gradient_<isa>.cpp only (see simd.h).
#include "ops/cpu/winograd_gradient.h"
#include "ops/cpu/winograd_kernel.h"

namespace dq::ops::cpu {
namespace {

// A d: the adjoint of output_line. At point p: Σ pⁱ d_i, at ∞ the last.
template <class Isa>
void spread_line(const typename Isa::Vec (&d)[4], typename Isa::Vec (&out)[6]) {
  using Vec = typename Isa::Vec;
  const Vec even_a = Isa::fma(Isa::set1(kA2), d[2], d[0]), even_b = Isa::fma(Isa::set1(kB2), d[2], d[0]);
  const Vec odd_a = Isa::fma(Isa::set1(kA * kA2), d[3], Isa::set1(kA) * d[1]);
  const Vec odd_b = Isa::fma(Isa::set1(kB * kB2), d[3], Isa::set1(kB) * d[1]);
  out[0] = d[0];
  at_points<Isa>(even_a, odd_a, even_b, odd_b, out);
  out[5] = d[3];
}

// Gᵀ u: the adjoint of weight_line.
template <class Isa>
void fold_line(const typename Isa::Vec (&u)[6], typename Isa::Vec (&out)[3]) {
  using Vec = typename Isa::Vec;
  const auto constant = [](double v) { return Isa::set1(static_cast<float>(v)); };
  const Vec even_a = u[1] + u[2], odd_a = u[1] - u[2], even_b = u[3] + u[4], odd_b = u[3] - u[4];
  out[0] = Isa::fma(constant(1 / kNorm0), u[0],
                    Isa::fma(constant(1 / kNormA), even_a, constant(1 / kNormB) * even_b));
  out[1] = Isa::fma(constant(double{kA} / kNormA), odd_a, constant(double{kB} / kNormB) * odd_b);
  out[2] = Isa::fma(constant(double{kA2} / kNormA), even_a,
                    Isa::fma(constant(double{kB2} / kNormB), even_b, u[5]));
}

// A dy Aᵀ of one tile and one vector of output channels; outputs outside of the image count as 0.
template <class Isa>
void spread_tile(const WinogradSpread& s, const TilePlace<WideForm>& place, std::int64_t column, int count,
                 float* to) {
  using Vec = typename Isa::Vec;
  Vec half[6][4];
  for (int j = 0; j < 4; ++j) {
    Vec d[4], out[6];
    for (int i = 0; i < 4; ++i) {
      const std::int64_t row = place.row + i, x = place.column + j;
      const bool inside = row < s.images.out_height && x < s.images.out_width;
      const std::int64_t pixel = (place.image * s.images.out_height + row) * s.images.out_width + x;
      d[i] = inside ? Isa::load_n(s.dy + pixel * s.n + column, count) : Isa::zero();
    }
    spread_line<Isa>(d, out);
    for (int i = 0; i < 6; ++i) half[i][j] = out[i];
  }
  for (int i = 0; i < 6; ++i) {
    Vec out[6];
    spread_line<Isa>(half[i], out);
    for (int j = 0; j < 6; ++j) Isa::store(to + (i * 6 + j) * s.dm_stride, out[j]);
  }
}

template <class Isa>
void winograd_spread(const WinogradSpread& s, std::int64_t t0, std::int64_t t1) {
  for (std::int64_t t = t0; t < t1; ++t) {
    const TilePlace<WideForm> place(s.images, s.first + t);
    for (std::int64_t panel = 0; panel * s.nr < s.n; ++panel) {
      for (std::int64_t c = 0; c < s.nr; c += Isa::kWidth) {
        const std::int64_t column = panel * s.nr + c;
        const int count =
            static_cast<int>(smaller<std::int64_t>(Isa::kWidth, s.n > column ? s.n - column : 0));
        spread_tile<Isa>(s, place, column, count, s.dm + (panel * s.tiles + t) * s.nr + c);
      }
    }
  }
}

template <class Isa>
void winograd_fold(const float* du, std::int64_t count, std::int64_t begin, std::int64_t end, float* dg) {
  using Vec = typename Isa::Vec;
  for (std::int64_t at = begin; at < end; at += Isa::kWidth) {
    const int n = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, end - at));
    Vec half[3][6];
    for (int j = 0; j < 6; ++j) {
      Vec u[6], out[3];
      for (int i = 0; i < 6; ++i) u[i] = Isa::load_n(du + (i * 6 + j) * count + at, n);
      fold_line<Isa>(u, out);
      for (int i = 0; i < 3; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < 3; ++i) {
      Vec out[3];
      fold_line<Isa>(half[i], out);
      for (int j = 0; j < 3; ++j) Isa::store_n(dg + (i * 3 + j) * count + at, n, out[j]);
    }
  }
}

}  // namespace
}  // namespace dq::ops::cpu
