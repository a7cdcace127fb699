#pragma once
// Flash attention on one block of queries (Dao et al. 2022): keys come in steps of kKeyBlock, each row keeps
// its largest logit m so far, the sum l of e^(s − m) and the weighted values O, all three rescaled when m
// grows. Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/attention_products.h"

namespace dq::ops::cpu {
namespace {

// Queries a block: a multiple of every register tile's rows. Keys a step of the running softmax.
inline constexpr int kQueryBlock = 48;
inline constexpr int kKeyBlock = 64;

template <class Products>
struct Attention {
  using Isa = typename Products::Isa;
  using Number = typename Products::Number;
  static constexpr int kWidth = Isa::kWidth;
  static constexpr int kGroup = Products::kGroup;
  static constexpr int kScoreRows = tile_rows<Isa>(2);
  static constexpr int kKeyPanel = 2 * kWidth;
  static_assert(kQueryBlock % kScoreRows == 0 && kQueryBlock % tile_rows<Isa>(3) == 0 &&
                kQueryBlock % tile_rows<Isa>(1) == 0 && kKeyBlock % kKeyPanel == 0);

  static std::int64_t steps(std::int64_t n) { return (n + kGroup - 1) / kGroup; }
  static std::int64_t bytes(std::int64_t numbers) {
    return round_up(numbers * static_cast<std::int64_t>(sizeof(Number)), 64);
  }
  static std::int64_t keys_bytes(std::int64_t key_count, std::int64_t head_dim) {
    return bytes(round_up(key_count, kKeyPanel) * steps(head_dim) * kGroup);
  }
  static std::int64_t values_bytes(std::int64_t key_count, std::int64_t value_dim) {
    return bytes(steps(key_count) * kGroup * round_up(value_dim, kWidth));
  }

  // One thread's memory: queries, logits (f32), weights, weighted values, and per row m, l (a vector) and the
  // factor of this step.
  struct Scratch {
    Number* queries;
    float* scores;
    Number* weights;
    float *out, *most, *sums, *factors;
  };
  // Where they lie, in bytes from the start.
  struct Layout {
    std::int64_t scores, weights, out, most, sums, factors, total;
  };
  static Layout layout(std::int64_t head_dim, std::int64_t value_dim) {
    Layout at{};
    at.scores = bytes(kQueryBlock * steps(head_dim) * kGroup);
    at.weights = at.scores + kQueryBlock * kKeyBlock * 4;
    at.out = at.weights + (kGroup == 1 ? 0 : bytes(kQueryBlock * kKeyBlock));
    at.most = at.out + kQueryBlock * round_up(value_dim, kWidth) * 4;
    at.sums = at.most + kQueryBlock * 4;
    at.factors = at.sums + kQueryBlock * kWidth * 4;
    at.total = at.factors + kQueryBlock * 4;
    return at;
  }
  static Scratch divide(std::byte* memory, const Layout& at) {
    const auto floats = [&](std::int64_t offset) { return reinterpret_cast<float*>(memory + offset); };
    // f32 weights take the place of their logits.
    auto* weights = reinterpret_cast<Number*>(memory + (kGroup == 1 ? at.scores : at.weights));
    return {reinterpret_cast<Number*>(memory),
            floats(at.scores),
            weights,
            floats(at.out),
            floats(at.most),
            floats(at.sums),
            floats(at.factors)};
  }
  static std::int64_t scratch_bytes(std::int64_t head_dim, std::int64_t value_dim) {
    return layout(head_dim, value_dim).total;
  }

  // Number of row `row` at depth d goes to [d/group][row][d%group], `columns` rows wide.
  static void pack_row(const float* x, std::int64_t depth, float scale, Number* out, std::int64_t columns) {
    for (std::int64_t d = 0; d < steps(depth) * kGroup; ++d) {
      out[d / kGroup * columns * kGroup + d % kGroup] = Products::narrow(d < depth ? x[d] * scale : 0);
    }
  }

  static void pack_keys(const float* k, std::int64_t stride, std::int64_t key_count, std::int64_t head_dim,
                        std::byte* out) {
    auto* panel = reinterpret_cast<Number*>(out);
    const std::int64_t panel_size = steps(head_dim) * kGroup * kKeyPanel;
    for (std::int64_t first = 0; first < key_count; first += kKeyPanel, panel += panel_size) {
      const std::int64_t keys = smaller(kKeyPanel, key_count - first);
      if (keys < kKeyPanel) std::memset(panel, 0, static_cast<std::size_t>(panel_size) * sizeof(Number));
      if constexpr (kGroup == 1) {
        transpose_4_bytes(reinterpret_cast<const std::byte*>(k + first * stride), stride,
                          reinterpret_cast<std::byte*>(panel), kKeyPanel, head_dim, keys);
      } else {
        for (std::int64_t j = 0; j < keys; ++j) {
          pack_row(k + (first + j) * stride, head_dim, 1, panel + j * kGroup, kKeyPanel);
        }
      }
    }
  }

  static void pack_values(const float* v, std::int64_t stride, std::int64_t key_count, std::int64_t value_dim,
                          std::byte* out) {
    auto* to = reinterpret_cast<Number*>(out);
    std::int64_t left = round_up(value_dim, kWidth) / kWidth;
    for (std::int64_t column = 0; left > 0;) {
      const int vectors = panel_vectors(left);
      const std::int64_t columns = vectors * kWidth, real = smaller(columns, value_dim - column);
      for (std::int64_t t = 0; t < steps(key_count) * kGroup; ++t) {
        const float* row = v + t * stride + column;
        Number* place = to + t / kGroup * columns * kGroup + t % kGroup;
        for (std::int64_t c = 0; c < columns; ++c) {
          place[c * kGroup] = Products::narrow(t < key_count && c < real ? row[c] : 0);
        }
      }
      to += steps(key_count) * kGroup * columns;
      column += columns;
      left -= vectors;
    }
  }

  static void pack_queries(const AttentionBlock& b, Number* out) {
    const std::int64_t tile_size = steps(b.head_dim) * kGroup * kScoreRows;
    for (std::int64_t r = 0; r < round_up(b.rows, kScoreRows); ++r) {
      Number* place = out + r / kScoreRows * tile_size + r % kScoreRows * kGroup;
      if (r < b.rows) {
        pack_row(b.q + r * b.q_stride, b.head_dim, b.scale * kLog2E, place, kScoreRows);
      } else {
        for (std::int64_t s = 0; s < steps(b.head_dim); ++s) {
          for (int g = 0; g < kGroup; ++g) place[s * kScoreRows * kGroup + g] = 0;
        }
      }
    }
  }

  // scores = Q·Kᵀ for keys [first, first + keys), panel by panel.
  static void score(const AttentionBlock& b, const Scratch& s, std::int64_t first, std::int64_t keys) {
    const std::int64_t depth = steps(b.head_dim), tile_size = depth * kGroup * kScoreRows;
    const auto* panel = reinterpret_cast<const Number*>(b.keys) + first * depth * kGroup;
    for (std::int64_t column = 0; column < keys; column += kKeyPanel, panel += depth * kGroup * kKeyPanel) {
      const Number* queries = s.queries;
      for (std::int64_t r = 0; r < b.rows; r += kScoreRows, queries += tile_size) {
        tile<Products, 2, false>(queries, kGroup, kScoreRows * kGroup, panel, depth, nullptr,
                                 s.scores + r * kKeyBlock + column, kKeyBlock);
      }
    }
  }

  // Adds the bias and puts −∞ where a row may not look, up to a whole number of vectors.
  static void mask(const AttentionBlock& b, const Scratch& s, std::int64_t first, std::int64_t keys) {
    const std::int64_t width = round_up(keys, kWidth);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      float* row = s.scores + r * kKeyBlock;
      if (b.bias) {
        const float* bias = b.bias + r * b.bias_stride + first;
        for (std::int64_t j = 0; j < keys; ++j) row[j] += bias[j] * kLog2E;
      }
      std::int64_t seen = keys;
      if (b.causal) seen = smaller(seen, b.first_query + r + 1 - first);
      for (std::int64_t j = seen < 0 ? 0 : seen; j < width; ++j) row[j] = minus_infinity();
    }
  }

  // The new largest logits, and 2^(old − new) for what was summed so far. A row that saw only −∞ counts from
  // 0.
  static void raise_most(std::int64_t rows, std::int64_t vectors, const Scratch& s) {
    float reached[kQueryBlock];
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* row = s.scores + r * kKeyBlock;
      typename Isa::Vec most = Isa::load(row);
      for (std::int64_t c = 1; c < vectors; ++c) most = Isa::max(most, Isa::load(row + c * kWidth));
      reached[r] = Isa::max_lane(most);
    }
    for (std::int64_t r = rows; r < round_up(rows, kWidth); ++r) reached[r] = 0;
    for (std::int64_t r = 0; r < rows; r += kWidth) {
      const typename Isa::Vec lowest = Isa::set1(-3.4028234e38F), old = Isa::load(s.most + r);
      const typename Isa::Vec most = Isa::max(old, Isa::load(reached + r));
      const typename Isa::Vec base = Isa::select_less(most, lowest, Isa::zero(), most);
      Isa::store(s.factors + r, exp2_nonpositive<Isa>(old - base));
      Isa::store(s.most + r, most);
    }
  }

  // weights = 2^(scores − most), and their sums.
  static void weigh(std::int64_t rows, std::int64_t vectors, const Scratch& s) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const float reached = s.most[r] < -3.4028234e38F ? 0 : s.most[r];
      const typename Isa::Vec base = Isa::set1(reached);
      typename Isa::Vec sum = Isa::load(s.sums + r * kWidth) * Isa::set1(s.factors[r]);
      const float* row = s.scores + r * kKeyBlock;
      Number* weights = s.weights + r * kKeyBlock;
#pragma GCC unroll 4
      for (std::int64_t c = 0; c < vectors; ++c) {
        const typename Isa::Vec e = exp2_nonpositive<Isa>(Isa::load(row + c * kWidth) - base);
        sum = sum + Products::store(weights + c * kWidth, e);
      }
      Isa::store(s.sums + r * kWidth, sum);
    }
  }

  template <int kVectors>
  static void add_panel(const AttentionBlock& b, const Scratch& s, const Number* panel,
                        std::int64_t key_steps, float* out) {
    constexpr int kRows = tile_rows<Isa>(kVectors);
    const std::int64_t width = round_up(b.value_dim, kWidth);
    for (std::int64_t r = 0; r < b.rows; r += kRows) {
      tile<Products, kVectors, true>(s.weights + r * kKeyBlock, kKeyBlock, kGroup, panel, key_steps,
                                     s.factors + r, out + r * width, width);
    }
  }

  // O = O·factor + P·V for keys [first, first + keys).
  static void add_values(const AttentionBlock& b, const Scratch& s, std::int64_t first, std::int64_t keys) {
    const auto* panel = reinterpret_cast<const Number*>(b.values);
    const std::int64_t all_rows = steps(b.key_count) * kGroup;
    std::int64_t left = round_up(b.value_dim, kWidth) / kWidth;
    float* out = s.out;
    while (left > 0) {
      const int vectors = panel_vectors(left);
      const std::int64_t columns = vectors * kWidth;
      const Number* from = panel + first * columns;
      if (vectors == 3)
        add_panel<3>(b, s, from, steps(keys), out);
      else if (vectors == 2)
        add_panel<2>(b, s, from, steps(keys), out);
      else
        add_panel<1>(b, s, from, steps(keys), out);
      panel += all_rows * columns;
      out += columns;
      left -= vectors;
    }
  }

  // y = O / l; a row without any weight is 0.
  static void finish(const AttentionBlock& b, const Scratch& s) {
    const std::int64_t width = round_up(b.value_dim, kWidth);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float sum = Isa::sum(Isa::load(s.sums + r * kWidth));
      if (b.log_sums) b.log_sums[r] = log_sum(s.most[r], sum);
      const typename Isa::Vec inverse = Isa::set1(sum == 0 ? 0 : 1 / sum);
      for (std::int64_t c = 0; c < b.value_dim; c += kWidth) {
        Isa::store_n(b.y + r * b.y_stride + c, static_cast<int>(smaller(kWidth, b.value_dim - c)),
                     Isa::load(s.out + r * width + c) * inverse);
      }
    }
  }

  static void attend(const AttentionBlock& b, std::byte* memory) {
    const Scratch s = divide(memory, layout(b.head_dim, b.value_dim));
    pack_queries(b, s.queries);
    std::memset(s.out, 0,
                static_cast<std::size_t>(kQueryBlock * round_up(b.value_dim, kWidth)) * sizeof(float));
    std::memset(s.scores, 0, kQueryBlock * kKeyBlock * sizeof(float));
    std::memset(s.sums, 0, kQueryBlock * kWidth * sizeof(float));
    for (int r = 0; r < kQueryBlock; ++r) s.most[r] = minus_infinity();
    const std::int64_t end = b.causal ? smaller(b.key_count, b.first_query + b.rows) : b.key_count;
    for (std::int64_t first = 0; first < end; first += kKeyBlock) {
      const std::int64_t keys = smaller(kKeyBlock, end - first), vectors = round_up(keys, kWidth) / kWidth;
      score(b, s, first, keys);
      const bool whole = keys % kWidth == 0 && !b.bias && !(b.causal && first + keys > b.first_query + 1);
      if (!whole) mask(b, s, first, keys);
      raise_most(b.rows, vectors, s);
      weigh(b.rows, vectors, s);
      add_values(b, s, first, keys);
    }
    finish(b, s);
  }

  static constexpr AttentionKernels kernels() {
    return {kQueryBlock, keys_bytes, values_bytes, scratch_bytes, pack_keys, pack_values, attend};
  }
};

}  // namespace
}  // namespace dq::ops::cpu
