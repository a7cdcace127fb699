#pragma once
// attention_gradient.cpp's products in tile registers, in bf16 with sums in f32. What sums over queries is
// computed turned, so that the weights P and their gradients dS, whose rows are queries, are operands as they
// come:
//
//   dQ += dS·K            A: dS, [query / 16][key / 32][query % 16][key % 32]
//   dKᵀ += Qᵀ·dS          A: Qᵀ, [depth / 16][query / 32][depth % 16][query % 32]; B: dS
//   dVᵀ += dyᵀ·P                                                                   B: P
//
// P and dS as B, and S and dP, are in panels of 32 keys: [key / 32][query][key % 32]. Included by kernel
// sources only; the rules of simd.h hold.
#include "ops/cpu/attention_gradient_kernels.h"
#include "ops/cpu/attention_tile_operands.h"

namespace dq::ops::cpu {
namespace {

template <class Isa, class Tiles, class Session>
class TileAttentionGradient {
  using Operands = TileOperands<Isa>;
  using Vec = typename Isa::Vec;
  using Number = std::uint16_t;
  static constexpr std::int64_t kQueries = 128, kKeys = 256, kPanel = 32;
  static constexpr std::int64_t kTile = kTileRows * kTileDepth;
  static constexpr std::int64_t kQueryTiles = kQueries / kTileDepth;  // of a turned operand's row

  static std::int64_t panels(std::int64_t n) { return Operands::panels(n); }

  // Numbers of bf16, then of f32; all multiples of 32.
  struct Plan {
    std::int64_t depth, values, key_panels;   // panels of 32
    std::int64_t depth_rows, value_rows;      // of turned operands: multiples of 16
    std::int64_t k_by_key, v_by_key, k_rows;  // packed once a head
    std::int64_t q, dy, q_turned, dy_turned, ds, ds_pairs, p_pairs, numbers = 0;
    std::int64_t s, dp, dq, dk, dv, log_sums, means, floats = 0;

    explicit Plan(const AttentionGradientHead& h)
        : depth(panels(h.head_dim)),
          values(panels(h.value_dim)),
          key_panels(panels(h.keys)),
          depth_rows((h.head_dim + 15) / 16 * 16),
          value_rows((h.value_dim + 15) / 16 * 16) {
      k_by_key = take(numbers, key_panels * kPanel * depth * kPanel);
      v_by_key = take(numbers, key_panels * kPanel * values * kPanel);
      k_rows = take(numbers, key_panels * kPanel * depth * kPanel);
      q = take(numbers, kQueries * depth * kPanel);
      dy = take(numbers, kQueries * values * kPanel);
      q_turned = take(numbers, depth_rows * kQueries);
      dy_turned = take(numbers, value_rows * kQueries);
      ds = take(numbers, kQueries * kKeys);
      ds_pairs = take(numbers, kQueries * kKeys);
      p_pairs = take(numbers, kQueries * kKeys);
      s = take(floats, kQueries * kKeys);
      dp = take(floats, kQueries * kKeys);
      dq = take(floats, kQueries * depth * kPanel);
      dk = take(floats, key_panels * kPanel * depth_rows);
      dv = take(floats, key_panels * kPanel * value_rows);
      log_sums = take(floats, kQueries);
      means = take(floats, kQueries);
    }
    std::int64_t bytes() const { return numbers * 2 + floats * 4; }

   private:
    static std::int64_t take(std::int64_t& all, std::int64_t count) {
      const std::int64_t at = all;
      all += count;
      return at;
    }
  };

  TileAttentionGradient(const AttentionGradientHead& head, std::byte* memory)
      : h_(head),
        p_(head),
        numbers_(reinterpret_cast<Number*>(memory)),
        floats_(reinterpret_cast<float*>(memory + p_.numbers * 2)) {}

  Number* numbers(std::int64_t at) const { return numbers_ + at; }
  float* floats(std::int64_t at) const { return floats_ + at; }
  static std::byte* raw(Number* p) { return reinterpret_cast<std::byte*>(p); }

  static void clear(void* p, std::int64_t bytes) { std::memset(p, 0, static_cast<std::size_t>(bytes)); }

  void run_head() {
    Operands::pack_columns(h_.k.data, h_.k.stride, h_.keys, h_.head_dim, raw(numbers(p_.k_by_key)));
    Operands::pack_columns(h_.v.data, h_.v.stride, h_.keys, h_.value_dim, raw(numbers(p_.v_by_key)));
    Operands::pack_row_pairs(h_.k.data, h_.k.stride, h_.keys, h_.head_dim, raw(numbers(p_.k_rows)));
    clear(floats(p_.dk), p_.key_panels * kPanel * p_.depth_rows * 4);
    clear(floats(p_.dv), p_.key_panels * kPanel * p_.value_rows * 4);
    for (std::int64_t first = 0; first < h_.queries; first += kQueries)
      block(first, smaller(kQueries, h_.queries - first));
    put_turned(floats(p_.dk), p_.depth_rows, h_.head_dim, h_.scale, h_.dk);
    put_turned(floats(p_.dv), p_.value_rows, h_.value_dim, 1, h_.dv);
  }

  // Rows as A of a product.
  static void pack_rows(const HeadRows& x, std::int64_t first, std::int64_t rows, std::int64_t width,
                        float scale, Number* out) {
    Operands::pack_rows(x.row(first), x.stride, rows, kQueries, width, scale, out);
  }
  static void pack_turned(const HeadRows& x, std::int64_t first, std::int64_t rows, std::int64_t width,
                          Number* out) {
    Operands::pack_turned(x.row(first), x.stride, rows, width, [&](std::int64_t panel, std::int64_t row) {
      return out + (row * kQueryTiles + panel) * kTile;
    });
  }

  void block(std::int64_t first, std::int64_t rows) {
    const std::int64_t height = panels(rows) * kTileDepth;  // rows of the block that are computed
    pack_rows(h_.q, first, rows, h_.head_dim, h_.scale * kLog2E, numbers(p_.q));
    pack_rows(h_.dy, first, rows, h_.value_dim, 1, numbers(p_.dy));
    pack_turned(h_.q, first, rows, h_.head_dim, numbers(p_.q_turned));
    pack_turned(h_.dy, first, rows, h_.value_dim, numbers(p_.dy_turned));
    clear(floats(p_.dq), kQueries * p_.depth * kPanel * 4);
    const std::int64_t end = h_.causal ? smaller(h_.keys, first + rows) : h_.keys;
    read_sums(first, rows);
    for (std::int64_t key = 0; key < end; key += kKeys) {
      const std::int64_t keys = smaller(kKeys, end - key);
      score(first, rows, height, key, keys);
      multiply(numbers(p_.dy), height, p_.values, numbers(p_.v_by_key) + key * p_.values * kPanel, keys,
               floats(p_.dp));
      weigh(height, keys);
      add_gradients(height, key, keys);
    }
    put(first, rows);
  }

  // out [key panel][query][32] = A·Bᵀ of the block's first `height` queries; `depth` panels of K.
  static void multiply(const Number* a, std::int64_t height, std::int64_t depth, const Number* b,
                       std::int64_t keys, float* out) {
    TileProduct p;
    p.steps = depth;
    p.a_stride = depth * kTile;
    p.two_rows = p.two_columns = true;
    p.b = b;
    for (std::int64_t at = 0; at < keys; at += kPanel, p.b += depth * kPanel * kPanel) {
      for (std::int64_t r = 0; r < height; r += 2 * kTileRows) {
        p.a = a + r / kTileRows * depth * kTile;
        p.c = out + at * kQueries + r * kPanel;
        Tiles::multiply(p);
      }
    }
  }

  // S: logits as powers of two; −∞ where a query may not look, up to a whole panel.
  void score(std::int64_t first, std::int64_t rows, std::int64_t height, std::int64_t key,
             std::int64_t keys) {
    multiply(numbers(p_.q), height, p_.depth, numbers(p_.k_by_key) + key * p_.depth * kPanel, keys,
             floats(p_.s));
    const float* bias = h_.bias.data ? h_.bias.row(first) : nullptr;
    hide({rows, first, key, keys, h_.causal, bias, h_.bias.stride},
         [&](std::int64_t query, std::int64_t key_at) -> float& {
           return floats(p_.s)[key_at / kPanel * kQueries * kPanel + query * kPanel + key_at % kPanel];
         });
  }

  // The logarithms of the weights' sums, and D; of queries that are not there +∞, which weighs nothing.
  void read_sums(std::int64_t first, std::int64_t rows) {
    for (std::int64_t r = 0; r < kQueries; ++r) {
      floats(p_.log_sums)[r] = r < rows ? h_.log_sums[first + r] : __builtin_inff();
      floats(p_.means)[r] = 0;
      if (r >= rows) continue;
      const float *y = h_.y.row(first + r), *dy = h_.dy.row(first + r);
      Vec sum = Isa::zero();
      for (std::int64_t c = 0; c < h_.value_dim; c += Isa::kWidth) {
        const int n = static_cast<int>(smaller(Isa::kWidth, h_.value_dim - c));
        sum = Isa::fma(Isa::load_n(y + c, n), Isa::load_n(dy + c, n), sum);
      }
      floats(p_.means)[r] = Isa::sum(sum);
    }
  }

  // P = 2^(S − the row's log sum), dS = P∘(dP − mean), of two queries at once, which are pairs of numbers as
  // B. Panel by panel: what lies in one panel is read in order.
  void weigh(std::int64_t height, std::int64_t keys) {
    const float *log_sums = floats(p_.log_sums), *means = floats(p_.means);
    const auto weight = [](Vec s, Vec log_sum) { return exp2_nonpositive_rough<Isa>(s - log_sum); };
    for (std::int64_t at = 0; at < keys; at += kPanel) {
      Number* tiles = numbers(p_.ds) + at / kPanel * kTile;
      for (std::int64_t r = 0; r < height; r += 2) {
        const Vec m0 = Isa::set1(log_sums[r]), m1 = Isa::set1(log_sums[r + 1]);
        const Vec d0 = Isa::set1(means[r]), d1 = Isa::set1(means[r + 1]);
        const std::int64_t row = at * kQueries + r * kPanel;
        const float *s = floats(p_.s) + row, *dp = floats(p_.dp) + row;
        Vec g0[2], g1[2];
        for (int v = 0; v < 2; ++v) {
          const std::int64_t c = v * Isa::kWidth;
          const Vec p0 = weight(Isa::load(s + c), m0), p1 = weight(Isa::load(s + kPanel + c), m1);
          g0[v] = p0 * (Isa::load(dp + c) - d0);
          g1[v] = p1 * (Isa::load(dp + kPanel + c) - d1);
          Isa::store_bf16_zipped(numbers(p_.p_pairs) + row + 2 * c, p0, p1);
          Isa::store_bf16_zipped(numbers(p_.ds_pairs) + row + 2 * c, g0[v], g1[v]);
        }
        Number* ds = tiles + r / kTileRows * kTileRows * kKeys + r % kTileRows * kTileDepth;
        Isa::store_bf16_two(ds, g0[0], g0[1]);
        Isa::store_bf16_two(ds + kTileDepth, g1[0], g1[1]);
      }
    }
  }

  void add_gradients(std::int64_t height, std::int64_t key, std::int64_t keys) {
    TileProduct p;
    p.add = true;
    p.two_rows = true;
    p.steps = panels(keys);
    p.a_stride = kTileRows * kKeys;
    for (std::int64_t column = 0; column < p_.depth; ++column) {
      p.b = numbers(p_.k_rows) + column * p_.key_panels * kPanel * kPanel + key * kPanel;
      p.two_columns = h_.head_dim - column * kPanel > Isa::kWidth;
      for (std::int64_t r = 0; r < height; r += 2 * kTileRows) {
        p.a = numbers(p_.ds) + r * kKeys;
        p.c = floats(p_.dq) + column * kQueries * kPanel + r * kPanel;
        Tiles::multiply(p);
      }
    }
    add_turned(numbers(p_.q_turned), height, p_.depth_rows, numbers(p_.ds_pairs), key, keys, floats(p_.dk));
    add_turned(numbers(p_.dy_turned), height, p_.value_rows, numbers(p_.p_pairs), key, keys, floats(p_.dv));
  }

  // out [key panel][row][32] += A·B over the block's first `height` queries.
  static void add_turned(const Number* a, std::int64_t height, std::int64_t rows, const Number* b,
                         std::int64_t key, std::int64_t keys, float* out) {
    TileProduct p;
    p.add = true;
    p.steps = height / kTileDepth;
    p.a_stride = kQueryTiles * kTile;
    p.two_columns = true;
    p.b = b;
    for (std::int64_t at = 0; at < keys; at += kPanel, p.b += kPanel * kQueries) {
      for (std::int64_t r = 0; r < rows; r += 2 * kTileRows) {
        p.a = a + r / kTileRows * kQueryTiles * kTile;
        p.c = out + (key + at) * rows + r * kPanel;
        p.two_rows = rows - r > kTileRows;
        Tiles::multiply(p);
      }
    }
  }

  void put(std::int64_t first, std::int64_t rows) const {
    const Vec factor = Isa::set1(h_.scale);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* to = h_.dq.data + (first + r) * h_.dq.stride;
      for (std::int64_t c = 0; c < h_.head_dim; c += Isa::kWidth) {
        const float* from = floats(p_.dq) + c / kPanel * kQueries * kPanel + r * kPanel + c % kPanel;
        Isa::store_n(to + c, static_cast<int>(smaller(Isa::kWidth, h_.head_dim - c)),
                     Isa::load(from) * factor);
      }
    }
  }
  void put_turned(const float* from, std::int64_t rows, std::int64_t width, float factor,
                  const HeadRowsOut& to) const {
    const Vec times = Isa::set1(factor);
    alignas(64) float turned[kPanel * kTileRows];
    for (std::int64_t key = 0; key < h_.keys; key += kPanel, from += kPanel * rows) {
      const std::int64_t keys = smaller(kPanel, h_.keys - key);
      for (std::int64_t d = 0; d < width; d += kTileRows) {
        transpose_4_bytes(reinterpret_cast<const std::byte*>(from + d * kPanel), kPanel,
                          reinterpret_cast<std::byte*>(turned), kTileRows, keys, kTileRows);
        const int n = static_cast<int>(smaller(kTileRows, width - d));
        for (std::int64_t i = 0; i < keys; ++i)
          Isa::store_n(to.data + (key + i) * to.stride + d, n, Isa::load(turned + i * kTileRows) * times);
      }
    }
  }

  const AttentionGradientHead& h_;
  const Plan p_;
  Number* numbers_;
  float* floats_;

 public:
  static std::int64_t scratch_bytes(const AttentionGradientHead& head) { return Plan(head).bytes(); }
  static void run(const AttentionGradientHead& head, std::byte* memory) {
    [[maybe_unused]] const Session session;
    TileAttentionGradient(head, memory).run_head();
  }
  static constexpr AttentionGradientKernels kernels() { return {scratch_bytes, run}; }
};

}  // namespace
}  // namespace dq::ops::cpu
