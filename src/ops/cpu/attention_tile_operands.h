#pragma once
// Rows of f32 as operands of products in tile registers, in bf16:
//
//   A             [row / 16][column / 32][row % 16][column % 32]   of tile_product.h
//   A, turned     the tiles [column % 16][row % 32], in any order
//   B of columns  [row / 32][column / 2][row % 32][column % 2]      the rows' transpose times something from
//   the left B of rows     [column / 32][row / 2][column % 32][row % 2]
//
// What is missing up to whole tiles is zeros. Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/attention_products.h"
#include "ops/cpu/tile_product.h"

namespace dq::ops::cpu {
namespace {

// Some queries before some keys: what hides logits from them, and what is added.
struct View {
  std::int64_t rows, first_query, first_key, keys;
  bool causal;
  const float* bias;  // of the first query, by key; null: none
  std::int64_t bias_stride;
};

// Adds the bias and puts −∞ where a query may not look, up to a whole panel of keys. at(query, key): a logit.
template <class At>
void hide(const View& v, const At& at) {
  const std::int64_t whole = (v.keys + kTileDepth - 1) / kTileDepth * kTileDepth;
  const bool hides = v.causal && v.first_key + v.keys > v.first_query + 1;
  if (v.keys == whole && !v.bias && !hides) return;
  for (std::int64_t r = 0; r < v.rows; ++r) {
    std::int64_t seen = v.keys;
    if (v.causal) seen = smaller(seen, v.first_query + r + 1 - v.first_key);
    if (v.bias) {
      const float* bias = v.bias + r * v.bias_stride + v.first_key;
      for (std::int64_t j = 0; j < seen; ++j) at(r, j) += bias[j] * kLog2E;
    }
    for (std::int64_t j = seen < 0 ? 0 : seen; j < whole; ++j) at(r, j) = minus_infinity();
  }
}

template <class Isa>
struct TileOperands {
  using Vec = typename Isa::Vec;
  using Number = std::uint16_t;
  static constexpr std::int64_t kPanel = 32;
  static_assert(kPanel == 2 * Isa::kWidth);

  static constexpr std::int64_t panels(std::int64_t n) { return (n + kPanel - 1) / kPanel; }

  // As B of columns.
  static void pack_columns(const float* k, std::int64_t stride, std::int64_t key_count, std::int64_t head_dim,
                           std::byte* out) {
    constexpr std::int64_t kMost = 8;  // panels of depth at once
    const std::int64_t depth_panels = panels(head_dim);
    alignas(64) Number rows[kPanel * kMost * kPanel];
    for (std::int64_t first = 0; first < key_count; first += kPanel) {
      const std::int64_t keys = smaller(kPanel, key_count - first);
      for (std::int64_t p = 0; p < depth_panels; p += kMost, out += kMost * kPanel * kPanel * 2) {
        const std::int64_t count = smaller(kMost, depth_panels - p), width = count * kPanel;
        if (keys < kPanel) std::memset(rows, 0, sizeof(rows));
        for (std::int64_t j = 0; j < keys; ++j) {
          round_row<Isa>(k + (first + j) * stride + p * kPanel, smaller(width, head_dim - p * kPanel),
                         rows + j * width, kPanel, [](Vec v) { return v; });
        }
        transpose_4_bytes(reinterpret_cast<const std::byte*>(rows), width / 2, out, kPanel, width / 2,
                          kPanel);
        if (count < kMost) out += (count - kMost) * kPanel * kPanel * 2;
      }
    }
  }

  // As B of rows.
  static void pack_row_pairs(const float* v, std::int64_t stride, std::int64_t key_count,
                             std::int64_t value_dim, std::byte* out) {
    auto* to = reinterpret_cast<Number*>(out);
    const std::int64_t all = panels(key_count) * kPanel;
    for (std::int64_t column = 0; column < panels(value_dim) * kPanel; column += kPanel) {
      for (std::int64_t t = 0; t < all; t += 2) {
        for (std::int64_t c = column; c < column + kPanel; c += Isa::kWidth, to += 2 * Isa::kWidth) {
          const std::int64_t left = value_dim - c;
          const int n = left < 0 ? 0 : static_cast<int>(smaller(Isa::kWidth, left));
          const Vec even = t < key_count ? Isa::load_n(v + t * stride + c, n) : Isa::zero();
          const Vec odd = t + 1 < key_count ? Isa::load_n(v + (t + 1) * stride + c, n) : Isa::zero();
          Isa::store_bf16_zipped(to, even, odd);
        }
      }
    }
  }

  // `rows` rows times `scale` as A, of `all` rows, a multiple of a tile's; those that are missing are zeros.
  static void pack_rows(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t all,
                        std::int64_t width, float scale, Number* out) {
    const std::int64_t tiles = panels(width) * kTileRows * kTileDepth;  // of 16 rows
    if (rows < all) std::memset(out, 0, static_cast<std::size_t>(all / kTileRows * tiles) * sizeof(Number));
    const Vec factor = Isa::set1(scale);
    for (std::int64_t r = 0; r < rows; ++r) {
      round_row<Isa>(x + r * stride, width, out + r / kTileRows * tiles + r % kTileRows * kTileDepth,
                     kTileRows * kTileDepth, [&](Vec v) { return v * factor; });
    }
  }

  // As A, turned. tile(row / 32, column / 16): where that tile lies.
  template <class Tile>
  static void pack_turned(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t width,
                          const Tile& tile) {
    alignas(64) float turned[kTileRows * kTileDepth];
    for (std::int64_t row = 0; row < rows; row += kTileDepth) {
      const std::int64_t count = smaller(kTileDepth, rows - row);
      for (std::int64_t c = 0; c < width; c += kTileRows) {
        const std::int64_t lines = smaller(kTileRows, width - c);
        if (lines < kTileRows || count < kTileDepth) std::memset(turned, 0, sizeof(turned));
        transpose_4_bytes(reinterpret_cast<const std::byte*>(x + row * stride + c), stride,
                          reinterpret_cast<std::byte*>(turned), kTileDepth, lines, count);
        Number* to = tile(row / kTileDepth, c / kTileRows);
        for (std::int64_t r = 0; r < kTileRows; ++r, to += kTileDepth) {
          const float* line = turned + r * kTileDepth;
          Isa::store_bf16_two(to, Isa::load(line), Isa::load(line + Isa::kWidth));
        }
      }
    }
  }
};

}  // namespace
}  // namespace dq::ops::cpu
