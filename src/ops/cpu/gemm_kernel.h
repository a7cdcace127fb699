#pragma once
// The kernel templates of gemm.h. Included by gemm_<isa>.cpp only (see simd.h).
#include <utility>

#include "ops/cpu/gemm.h"
#include "ops/cpu/unroll.h"
#include "ops/cpu/vector_math.h"

namespace dq::ops::cpu {
namespace {

template <class T>
constexpr T smaller(T a, T b) {
  return a < b ? a : b;
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// A tile of C in registers: kRows rows, kVecs vectors of a panel kNr wide.
template <class Isa, int kNr, int kRows, int kVecs>
struct Sums {
  typename Isa::Vec at[kRows][kVecs];

  // c: rows kNr apart; starts from zeros unless `add`.
  [[gnu::always_inline]] void load(const float* c, bool add) {
    if (add) {
      unroll<kRows>([&](auto r) __attribute__((always_inline)) {
        unroll<kVecs>([&](auto v) __attribute__((always_inline)) {
          at[r][v] = Isa::load(c + r * kNr + v * Isa::kWidth);
        });
      });
    } else {
      unroll<kRows>([&](auto r) __attribute__((always_inline)) {
        unroll<kVecs>([&](auto v) __attribute__((always_inline)) { at[r][v] = Isa::zero(); });
      });
    }
  }

  [[gnu::always_inline]] void store(float* c) const {
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      unroll<kVecs>([&](auto v) __attribute__((always_inline)) {
        Isa::store(c + r * kNr + v * Isa::kWidth, at[r][v]);
      });
    });
  }
};

// c = [c +] a·b over kc steps. a: rows kStride apart; b: one line of kNr a step.
template <class Isa, int kNr, int kStride, int kRows, int kVecs>
void tile_f32(std::int64_t kc, const float* a, const float* b, float* c, bool add) {
  using Vec = typename Isa::Vec;
  Sums<Isa, kNr, kRows, kVecs> sums;
  sums.load(c, add);
  for (std::int64_t k = 0; k < kc; ++k, b += kNr, ++a) {
    Vec line[kVecs];
    unroll<kVecs>([&](auto v) __attribute__((always_inline)) { line[v] = Isa::load(b + v * Isa::kWidth); });
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      const Vec x = Isa::set1(a[r * kStride]);
      unroll<kVecs>([&](auto v) __attribute__((always_inline)) {
        sums.at[r][v] = Isa::fma(x, line[v], sums.at[r][v]);
      });
    });
  }
  sums.store(c);
}

// The same over pairs of bfloat16; kc is even.
template <class Isa, int kNr, int kStride, int kRows, int kVecs>
void tile_bf16(std::int64_t kc, const std::uint16_t* a, const std::uint16_t* b, float* c, bool add) {
  using Pairs = typename Isa::Pairs;
  Sums<Isa, kNr, kRows, kVecs> sums;
  sums.load(c, add);
  for (std::int64_t k = 0; k < kc; k += 2, b += 2 * kNr, a += 2) {
    Pairs line[kVecs];
    unroll<kVecs>([&](auto v)
                      __attribute__((always_inline)) { line[v] = Isa::load_pairs(b + v * 2 * Isa::kWidth); });
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      const Pairs x = Isa::broadcast_pair(a + r * kStride);
      unroll<kVecs>([&](auto v) __attribute__((always_inline)) {
        sums.at[r][v] = Isa::dot_bf16(sums.at[r][v], x, line[v]);
      });
    });
  }
  sums.store(c);
}

// Traits of one arithmetic: what A and the widened panel hold, and the tile functions for every edge. kStep
// and kRowStep: what K and the rows of a panel's sums are filled up to.
template <class Isa_, int kMr_, int kNr_, int kKc_, int kMc_>
struct F32Math {
  using Isa = Isa_;
  using Number = float;
  static constexpr int kMr = kMr_, kNr = kNr_, kKc = kKc_, kMc = kMc_, kStep = 1, kRowStep = 1;
  using Tile = void (*)(std::int64_t, const float*, const float*, float*, bool);
  template <int kRows, int kVecs>
  static constexpr Tile kTile = tile_f32<Isa, kNr, kKc, kRows, kVecs>;
};

template <class Isa_, int kMr_, int kNr_, int kKc_, int kMc_>
struct Bf16Math {
  using Isa = Isa_;
  using Number = std::uint16_t;
  static constexpr int kMr = kMr_, kNr = kNr_, kKc = kKc_, kMc = kMc_, kStep = 2, kRowStep = 1;
  using Tile = void (*)(std::int64_t, const std::uint16_t*, const std::uint16_t*, float*, bool);
  template <int kRows, int kVecs>
  static constexpr Tile kTile = tile_bf16<Isa, kNr, kKc, kRows, kVecs>;
};

// tiles[(rows − 1)·vectors a panel + vecs − 1]
template <class Math, std::size_t... kIndex>
typename Math::Tile pick_tile(int rows, int vecs, std::index_sequence<kIndex...>) {
  constexpr int kVecs = Math::kNr / Math::Isa::kWidth;
  static constexpr typename Math::Tile kTiles[] = {
      Math::template kTile<static_cast<int>(kIndex) / kVecs + 1, static_cast<int>(kIndex) % kVecs + 1>...};
  return kTiles[(rows - 1) * kVecs + vecs - 1];
}

template <class Math>
typename Math::Tile pick_tile(int rows, int vecs) {
  constexpr int kVecs = Math::kNr / Math::Isa::kWidth;
  return pick_tile<Math>(rows, vecs, std::make_index_sequence<static_cast<std::size_t>(Math::kMr * kVecs)>());
}

// ---- A: rows of the block, kKc apart
// -----------------------------------------------------------------------

// Where the numbers of a block from k on lie in it; k is a multiple of kStep.
template <class Math>
constexpr std::int64_t place_in_rows(std::int64_t k) {
  return k * Math::kRowStep;
}

template <class Math>
void pack_rows(const GemmTask& t, const GemmProduct& p, std::int64_t k, std::int64_t kc, float* block) {
  using Isa = typename Math::Isa;
  for (std::int64_t m = t.m0; m < t.m1; ++m, block += Math::kKc) {
    const float* row = p.a.row(p.a.self, m, k, kc, block);
    if (row == block && !p.w.round_a) continue;
    for (std::int64_t i = 0; i < kc; i += Isa::kWidth) {
      const int n = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, kc - i));
      const auto v = Isa::load_n(row + i, n);
      Isa::store_n(block + i, n, p.w.round_a ? Isa::round_bf16(v) : v);
    }
  }
}

// Rounds to bfloat16; an odd row gets a 0, as its panel has one.
template <class Math>
void pack_rows(const GemmTask& t, const GemmProduct& p, std::int64_t k, std::int64_t kc,
               std::uint16_t* block) {
  using Isa = typename Math::Isa;
  if constexpr (Math::kRowStep > 1) return Math::pack_rows(p.a, t.m0, t.m1, k, kc, block);
  alignas(64) float line[Math::kKc];
  for (std::int64_t m = t.m0; m < t.m1; ++m, block += Math::kKc) {
    const float* row = p.a.row(p.a.self, m, k, kc, line);
    std::int64_t i = 0;
    for (; i + Isa::kWidth <= kc; i += Isa::kWidth) Isa::store_bf16(block + i, Isa::load(row + i));
    if (i < kc) {
      std::uint16_t last[Isa::kWidth];
      Isa::store_bf16(last, Isa::load_n(row + i, static_cast<int>(kc - i)));
      for (std::int64_t j = i; j < kc + (kc & 1); ++j) block[j] = last[j - i];
    }
  }
}

// ---- W: kc lines of one panel
// ------------------------------------------------------------------------------

// Where the lines lie as the tile function wants them: in place, or widened into `buffer`.
template <class Math>
const float* open_panel(const Panels& w, std::int64_t panel, std::int64_t k, std::int64_t kc, float* buffer) {
  using Isa = typename Math::Isa;
  const std::int64_t at = (panel * w.k + k) * Math::kNr, count = kc * Math::kNr;
  if (w.format == PanelFormat::kF32) return static_cast<const float*>(w.data) + at;
  const std::uint16_t* from = static_cast<const std::uint16_t*>(w.data) + at;
  if (w.format == PanelFormat::kF16) {
    for (std::int64_t i = 0; i < count; i += Isa::kWidth) Isa::store(buffer + i, Isa::load_f16(from + i));
  } else {
    for (std::int64_t i = 0; i < count; i += Isa::kWidth) Isa::store(buffer + i, Isa::load_bf16(from + i));
  }
  return buffer;
}

template <class Math>
const std::uint16_t* open_panel(const Panels& w, std::int64_t panel, std::int64_t k, std::int64_t,
                                std::uint16_t*) {
  const std::int64_t lines = ceil_div(w.k, Math::kStep) * Math::kStep;
  return static_cast<const std::uint16_t*>(w.data) + (panel * lines + k) * Math::kNr;
}

// ---- epilogues
// ---------------------------------------------------------------------------------------------

// `rows` rows from m on of the columns from n0 on; c has kNr numbers a row.
template <class Isa, int kNr, Activation kAct>
void finish_rows(const Epilogue& e, const float* c, std::int64_t m, std::int64_t rows, std::int64_t n0) {
  using Vec = typename Isa::Vec;
  const std::int64_t columns = smaller<std::int64_t>(kNr, e.n - n0);
  for (std::int64_t r = 0; r < rows; ++r, c += kNr, ++m) {
    const std::int64_t at = m * e.n + n0;
    const float* image = e.per_image ? e.per_image + m / e.rows_per_image * e.n + n0 : nullptr;
    for (std::int64_t i = 0; i < columns; i += Isa::kWidth) {
      const int n = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, columns - i));
      Vec v = Isa::load(c + i);
      if (e.bias) v = v + Isa::load_n(e.bias + n0 + i, n);
      v = activate<Isa>(v, kAct);
      if (image) v = v + Isa::load_n(image + i, n);
      if (e.residual) v = v + Isa::load_n(e.residual + at + i, n);
      Isa::store_n(e.y + at + i, n, v);
    }
  }
}

template <class Isa, int kNr>
void finish(const Epilogue& e, const float* c, std::int64_t m, std::int64_t rows, std::int64_t n0) {
  switch (e.act) {
    case Activation::kNone:
      return finish_rows<Isa, kNr, Activation::kNone>(e, c, m, rows, n0);
    case Activation::kSilu:
      return finish_rows<Isa, kNr, Activation::kSilu>(e, c, m, rows, n0);
    case Activation::kGelu:
      return finish_rows<Isa, kNr, Activation::kGelu>(e, c, m, rows, n0);
    case Activation::kGeluTanh:
      return finish_rows<Isa, kNr, Activation::kGeluTanh>(e, c, m, rows, n0);
    case Activation::kQuickGelu:
      return finish_rows<Isa, kNr, Activation::kQuickGelu>(e, c, m, rows, n0);
  }
}

// The vector of C's columns [n, n + count) of one row, from the panels of a task's scratch: `row` is that row
// in the first panel, which holds columns from n_first on; panels lie `panel_stride` apart. A vector may
// straddle two panels when N is no multiple of the vector width.
template <class Isa, int kNr>
typename Isa::Vec gather(const float* row, std::int64_t panel_stride, std::int64_t n_first, std::int64_t n,
                         int count) {
  const std::int64_t column = n - n_first, lane = column % kNr;
  const float* at = row + column / kNr * panel_stride + lane;
  if (lane + count <= kNr) return Isa::load_n(at, count);
  float both[Isa::kWidth] = {};
  for (int i = 0; i < count; ++i) both[i] = lane + i < kNr ? at[i] : at[panel_stride - kNr + i];
  return Isa::load(both);
}

// values: panels from p0 on; gates: panels from g0 on; both with all rows of the task, `stride` numbers a
// panel. Panel by panel, as the sums lie in memory.
template <class Isa, int kNr>
void finish_geglu(const GemmTask& t, const float* values, const float* gates, std::int64_t g0,
                  std::int64_t stride) {
  using Vec = typename Isa::Vec;
  const Epilogue& e = t.out;
  const std::int64_t rows = t.m1 - t.m0, end = smaller(t.p1 * kNr, e.n);
  for (std::int64_t n = t.p0 * kNr; n < end; n += Isa::kWidth) {
    const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, end - n));
    const Vec value_bias = e.bias ? Isa::load_n(e.bias + n, count) : Isa::zero();
    const Vec gate_bias = e.bias ? Isa::load_n(e.bias + e.n + n, count) : Isa::zero();
    for (std::int64_t r = 0; r < rows; ++r) {
      const Vec value = gather<Isa, kNr>(values + r * kNr, stride, t.p0 * kNr, n, count) + value_bias;
      const Vec gate = gather<Isa, kNr>(gates + r * kNr, stride, g0 * kNr, e.n + n, count) + gate_bias;
      Isa::store_n(e.y + (t.m0 + r) * e.n + n, count, value * gelu<Isa>(gate));
    }
  }
}

// The same for one panel of values and its gates' panel, where the halves do not share panels.
template <class Isa, int kNr>
void finish_geglu_panel(const GemmTask& t, const float* values, const float* gates, std::int64_t n0) {
  const Epilogue& e = t.out;
  for (std::int64_t m = t.m0; m < t.m1; ++m, values += kNr, gates += kNr) {
    float* y = e.y + m * e.n + n0;
    for (int i = 0; i < kNr; i += Isa::kWidth) {
      typename Isa::Vec value = Isa::load(values + i), gate = Isa::load(gates + i);
      if (e.bias) {
        value = value + Isa::load(e.bias + n0 + i);
        gate = gate + Isa::load(e.bias + e.n + n0 + i);
      }
      Isa::store(y + i, value * gelu<Isa>(gate));
    }
  }
}

// ---- a task
// ------------------------------------------------------------------------------------------------

// The pieces of GemmTask::scratch. c holds one tile, or, when K has several blocks or GEGLU needs whole sums,
// every panel of the task with all its rows.
template <class Math>
struct Scratch {
  typename Math::Number *a, *w;
  float* c;
  explicit Scratch(float* memory)
      : a(reinterpret_cast<typename Math::Number*>(memory)),
        w(a + Math::kMc * Math::kKc),
        c(reinterpret_cast<float*>(w + Math::kKc * Math::kNr)) {}
};

// A K block, and where the rows of the second product lie behind it when this is the last one (else 0).
struct KBlock {
  std::int64_t k = 0, kc = 0, beside = 0;
};

// c = [c +] the products of some rows with a panel.
template <class Math>
void multiply(std::int64_t kc, const typename Math::Number* a, const typename Math::Number* w, float* c,
              bool add, std::int64_t rows, std::int64_t columns) {
  const std::int64_t steps = ceil_div(kc, Math::kStep) * Math::kStep;
  if constexpr (Math::kRowStep > 1) {
    Math::multiply(steps, a, w, c, add, rows, columns);
  } else {
    const int vecs = static_cast<int>(ceil_div(columns, Math::Isa::kWidth));
    pick_tile<Math>(static_cast<int>(rows), vecs)(steps, a, w, c, add);
  }
}

// One panel down all rows of the task: in tile registers the last is shorter, in vectors all are as even as
// can be.
template <class Math>
void run_panel(const GemmTask& t, const Scratch<Math>& s, std::int64_t panel, const KBlock& block,
               float* sums, bool last) {
  using Isa = typename Math::Isa;
  const std::int64_t rows = t.m1 - t.m0, n0 = panel * Math::kNr,
                     columns = smaller<std::int64_t>(Math::kNr, t.w.n - n0);
  const auto* w = open_panel<Math>(t.w, panel, block.k, block.kc, s.w);
  const auto* beside =
      block.beside > 0 ? open_panel<Math>(t.beside.w, panel, 0, t.beside.w.k, s.w + block.beside * Math::kNr)
                       : nullptr;
  const std::int64_t tiles = ceil_div(rows, Math::kMr);
  for (std::int64_t i = 0; i < tiles; ++i) {
    constexpr bool kTiled = Math::kRowStep > 1;
    const std::int64_t r0 = kTiled ? i * Math::kMr : rows * i / tiles;
    const std::int64_t r1 = kTiled ? smaller(rows, r0 + Math::kMr) : rows * (i + 1) / tiles;
    float* c = sums ? sums + r0 * Math::kNr : s.c;
    const typename Math::Number* a = s.a + r0 * Math::kKc;
    multiply<Math>(block.kc, a, w, c, block.k > 0, r1 - r0, columns);
    if (beside) {
      multiply<Math>(t.beside.w.k, a + place_in_rows<Math>(block.beside), beside, c, true, r1 - r0, columns);
    }
    if (last) finish<Isa, Math::kNr>(t.out, c, t.m0 + r0, r1 - r0, n0);
  }
}

// GEGLU whose gates have panels of their own, e.n / kNr after the values': each pair is finished while it is
// in the caches.
template <class Math>
void run_panel_pairs(const GemmTask& t, const Scratch<Math>& s, const KBlock& block, std::int64_t stride) {
  const bool whole = block.kc == t.w.k, last = block.k + block.kc == t.w.k;
  for (std::int64_t p = t.p0; p < t.p1; ++p) {
    float* values = s.c + (whole ? 0 : 2 * (p - t.p0) * stride);
    run_panel<Math>(t, s, p, block, values, false);
    run_panel<Math>(t, s, p + t.out.n / Math::kNr, block, values + stride, false);
    if (last) finish_geglu_panel<typename Math::Isa, Math::kNr>(t, values, values + stride, p * Math::kNr);
  }
}

template <class Math>
void run_task(const GemmTask& t) {
  const Scratch<Math> s(t.scratch);
  const std::int64_t step = Math::kStep < 8 ? 8 : Math::kStep, room = ceil_div(t.beside.w.k, step) * step;
  const std::int64_t blocks = ceil_div(t.w.k, Math::kKc - room);
  const std::int64_t longest = ceil_div(ceil_div(t.w.k, blocks), step) * step;
  // The sums of a panel.
  const std::int64_t stride = ceil_div(t.m1 - t.m0, Math::kRowStep) * Math::kRowStep * Math::kNr;
  // With GEGLU, the panels that hold the gates of the task's columns.
  const std::int64_t g0 = t.out.geglu ? (t.out.n + t.p0 * Math::kNr) / Math::kNr : 0;
  const std::int64_t g1 = t.out.geglu ? ceil_div(t.out.n + smaller(t.p1 * Math::kNr, t.out.n), Math::kNr) : 0;
  const bool pairs = t.out.geglu && t.out.n % Math::kNr == 0;
  const bool keep = blocks > 1 || t.out.geglu;
  float* gates = s.c + (t.p1 - t.p0) * stride;
  for (std::int64_t k = 0; k < t.w.k; k += longest) {
    KBlock block{k, smaller(longest, t.w.k - k)};
    const bool ends = k + block.kc == t.w.k;
    pack_rows<Math>(t, {t.a, t.w}, k, block.kc, s.a);
    if (ends && t.beside.w.k > 0) {
      block.beside = ceil_div(block.kc, step) * step;
      pack_rows<Math>(t, t.beside, 0, t.beside.w.k, s.a + place_in_rows<Math>(block.beside));
    }
    if (pairs) {
      run_panel_pairs<Math>(t, s, block, stride);
      continue;
    }
    for (std::int64_t p = t.p0; p < t.p1; ++p) {
      run_panel<Math>(t, s, p, block, keep ? s.c + (p - t.p0) * stride : nullptr, ends && !t.out.geglu);
    }
    for (std::int64_t p = g0; p < g1; ++p) {
      run_panel<Math>(t, s, p, block, gates + (p - g0) * stride, false);
    }
  }
  if (t.out.geglu && !pairs) finish_geglu<typename Math::Isa, Math::kNr>(t, s.c, gates, g0, stride);
}

template <class Math>
constexpr GemmShape shape_of(int flops_per_cycle) {
  return {Math::kMr, Math::kNr, Math::kKc, Math::kMc, flops_per_cycle, Math::kStep};
}

}  // namespace
}  // namespace dq::ops::cpu
