#pragma once
// attention_kernel.h in tile registers: the same running softmax over blocks of kKeys keys, for kQueries
// queries. Everything is in panels 32 wide, as tile_product.h wants its operands and leaves its results:
//
//   Q, P     [query / 16][column / 32][query % 16][column % 32]     bf16; columns: depth, keys
//   K, V     [column / 32][row / 2][column % 32][row % 2]           bf16; columns: keys, value's depth
//   S, O     [column / 32][query][column % 32]                      f32
//
// Depth and keys are filled up with zeros to 32. Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/attention_products.h"
#include "ops/cpu/tile_product.h"

namespace dq::ops::cpu {
namespace {

// Tiles::multiply(const TileProduct&) within a Session.
template <class Isa, class Tiles, class Session>
struct TileAttention {
  using Vec = typename Isa::Vec;
  using Number = std::uint16_t;
  static constexpr int kQueries = 32, kPanel = 32;
  static constexpr std::int64_t kKeys = 256;
  static_assert(kPanel == 2 * Isa::kWidth);

  static constexpr std::int64_t panels(std::int64_t n) { return (n + kPanel - 1) / kPanel; }
  static std::int64_t keys_bytes(std::int64_t key_count, std::int64_t head_dim) {
    return panels(key_count) * panels(head_dim) * kPanel * kPanel * 2;
  }
  static std::int64_t values_bytes(std::int64_t key_count, std::int64_t value_dim) {
    return keys_bytes(key_count, value_dim);
  }

  struct Scratch {
    Number *queries, *weights;
    float *scores, *out;
    float *most, *sums;  // a number and a vector for each query
    std::int64_t depth_panels, value_panels;
  };
  static Scratch divide(std::byte* memory, std::int64_t head_dim, std::int64_t value_dim) {
    Scratch s{};
    s.depth_panels = panels(head_dim);
    s.value_panels = panels(value_dim);
    s.scores = reinterpret_cast<float*>(memory);
    s.out = s.scores + kQueries * kKeys;
    s.most = s.out + kQueries * kPanel * s.value_panels;
    s.sums = s.most + kQueries;
    s.weights = reinterpret_cast<Number*>(s.sums + kQueries * Isa::kWidth);
    s.queries = s.weights + kQueries * kKeys;
    return s;
  }
  static std::int64_t scratch_bytes(std::int64_t head_dim, std::int64_t value_dim) {
    return kQueries *
           (6 * kKeys + 4 * kPanel * panels(value_dim) + 4 + 4 * Isa::kWidth + 2 * kPanel * panels(head_dim));
  }

  static void pack_keys(const float* k, std::int64_t stride, std::int64_t key_count, std::int64_t head_dim,
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

  static void pack_values(const float* v, std::int64_t stride, std::int64_t key_count, std::int64_t value_dim,
                          std::byte* out) {
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

  // S = Q·Kᵀ for keys [first, first + keys).
  static void score(const AttentionBlock& b, const Scratch& s, std::int64_t first, std::int64_t keys) {
    const std::int64_t panel = s.depth_panels * kPanel * kPanel;
    TileProduct p;
    p.steps = s.depth_panels;
    p.a = s.queries;
    p.a_stride = s.depth_panels * kTileRows * kTileDepth;
    p.b = reinterpret_cast<const Number*>(b.keys) + first / kPanel * panel;
    p.c = s.scores;
    p.two_rows = b.rows > kTileRows;
    p.two_columns = true;  // weigh() reads whole panels
    for (std::int64_t at = 0; at < keys; at += kPanel, p.b += panel, p.c += kQueries * kPanel)
      Tiles::multiply(p);
  }

  // Some queries before some keys: what hides logits from them, and what is added.
  struct View {
    std::int64_t rows, first_query, first_key, keys;
    bool causal;
    const float* bias;  // of the first query, by key; null: none
    std::int64_t bias_stride;
  };

  // Adds the bias and puts −∞ where a query may not look, up to a whole panel, in logits whose panels have
  // `panel_rows` rows.
  static void mask(const View& v, float* scores, std::int64_t panel_rows) {
    const bool hides = v.causal && v.first_key + v.keys > v.first_query + 1;
    if (v.keys % kPanel == 0 && !v.bias && !hides) return;
    for (std::int64_t r = 0; r < v.rows; ++r) {
      const float* bias = v.bias ? v.bias + r * v.bias_stride + v.first_key : nullptr;
      std::int64_t seen = v.keys;
      if (v.causal) seen = smaller(seen, v.first_query + r + 1 - v.first_key);
      for (std::int64_t at = 0; at < v.keys; at += kPanel) {
        float* row = scores + at * panel_rows + r * kPanel;
        for (std::int64_t j = 0; j < kPanel; ++j) {
          if (at + j >= seen) {
            row[j] = minus_infinity();
          } else if (bias) {
            row[j] += bias[at + j] * kLog2E;
          }
        }
      }
    }
  }

  // The largest logit of a query.
  static float reach(const float* row, std::int64_t keys) {
    Vec a = Isa::load(row), b = Isa::load(row + Isa::kWidth);
    for (std::int64_t at = kPanel; at < keys; at += kPanel) {
      row += kQueries * kPanel;
      a = Isa::max(a, Isa::load(row));
      b = Isa::max(b, Isa::load(row + Isa::kWidth));
    }
    return Isa::max_lane(Isa::max(a, b));
  }

  // P = 2^(S − largest); what was summed up so far shrinks as the largest grows. A row that saw only −∞
  // counts from 0.
  static void weigh(const AttentionBlock& b, const Scratch& s, std::int64_t keys) {
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float* row = s.scores + r * kPanel;
      const float now = reach(row, keys), old = s.most[r], most = now > old ? now : old;
      const float base = most < -3.4028234e38F ? 0 : most;
      s.most[r] = most;
      Vec sum = Isa::load(s.sums + r * Isa::kWidth);
      if (most > old) {
        const Vec factor = exp2_nonpositive<Isa>(Isa::set1(old - base));
        sum = sum * factor;
        float* out = s.out + r * kPanel;
        for (std::int64_t p = 0; p < s.value_panels; ++p, out += kQueries * kPanel) {
          Isa::store(out, Isa::load(out) * factor);
          Isa::store(out + Isa::kWidth, Isa::load(out + Isa::kWidth) * factor);
        }
      }
      const Vec from = Isa::set1(base);
      Number* weights = s.weights + r / kTileRows * kTileRows * kKeys + r % kTileRows * kTileDepth;
      Vec second = Isa::zero();
#pragma GCC unroll 2
      for (std::int64_t at = 0; at < keys; at += kPanel) {
        const Vec x = exp2_nonpositive_rough<Isa>(Isa::load(row) - from);
        const Vec y = exp2_nonpositive_rough<Isa>(Isa::load(row + Isa::kWidth) - from);
        sum = sum + x;
        second = second + y;
        Isa::store_bf16_two(weights, x, y);
        row += kQueries * kPanel;
        weights += kTileRows * kTileDepth;
      }
      Isa::store(s.sums + r * Isa::kWidth, sum + second);
    }
  }

  // O += P·V for keys [first, first + keys).
  static void add_values(const AttentionBlock& b, const Scratch& s, std::int64_t first, std::int64_t keys) {
    const std::int64_t panel = panels(b.key_count) * kPanel * kPanel;
    TileProduct p;
    p.steps = panels(keys);
    p.a = s.weights;
    p.a_stride = kTileRows * kKeys;
    p.b = reinterpret_cast<const Number*>(b.values) + first * kPanel;
    p.c = s.out;
    p.add = true;
    p.two_rows = b.rows > kTileRows;
    for (std::int64_t at = 0; at < b.value_dim; at += kPanel, p.b += panel, p.c += kQueries * kPanel) {
      p.two_columns = b.value_dim - at > Isa::kWidth;
      Tiles::multiply(p);
    }
  }

  // y = O / l; a row without any weight is 0.
  static void finish(const AttentionBlock& b, const Scratch& s) {
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float sum = Isa::sum(Isa::load(s.sums + r * Isa::kWidth));
      const Vec inverse = Isa::set1(sum == 0 ? 0 : 1 / sum);
      for (std::int64_t c = 0; c < b.value_dim; c += Isa::kWidth) {
        const float* out = s.out + c / kPanel * kQueries * kPanel + r * kPanel + c % kPanel;
        Isa::store_n(b.y + r * b.y_stride + c, static_cast<int>(smaller(Isa::kWidth, b.value_dim - c)),
                     Isa::load(out) * inverse);
      }
    }
  }

  static void attend(const AttentionBlock& b, std::byte* memory) {
    [[maybe_unused]] const Session session;
    const Scratch s = divide(memory, b.head_dim, b.value_dim);
    pack_rows(b.q, b.q_stride, b.rows, kQueries, b.head_dim, b.scale * kLog2E, s.queries);
    std::memset(s.out, 0, static_cast<std::size_t>(kQueries * kPanel * s.value_panels) * sizeof(float));
    std::memset(s.sums, 0, static_cast<std::size_t>(kQueries * Isa::kWidth) * sizeof(float));
    for (int r = 0; r < kQueries; ++r) s.most[r] = minus_infinity();
    const std::int64_t end = b.causal ? smaller(b.key_count, b.first_query + b.rows) : b.key_count;
    for (std::int64_t first = 0; first < end; first += kKeys) {
      const std::int64_t keys = smaller(kKeys, end - first);
      score(b, s, first, keys);
      mask({b.rows, b.first_query, first, keys, b.causal, b.bias, b.bias_stride}, s.scores, kQueries);
      weigh(b, s, keys);
      add_values(b, s, first, keys);
    }
    finish(b, s);
  }

  static constexpr AttentionKernels kernels() {
    return {kQueries, keys_bytes, values_bytes, scratch_bytes, pack_keys, pack_values, attend};
  }
};

}  // namespace
}  // namespace dq::ops::cpu
