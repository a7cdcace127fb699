#pragma once
// attention_kernel.h in tile registers, turned: keys are rows and queries are columns, so that a vector holds
// one number of each of a group's queries and the softmax needs no sum or maximum across lanes.
//
//   Sᵀ = K·Qᵀ      A: K, [key / 16][depth / 32][key % 16][depth % 32]     B: Q, [depth / 2][query][depth % 2]
//   Oᵀ += Vᵀ·P     A: Vᵀ, [key / 32][depth / 16][depth % 16][key % 32]    B: P, [key / 2][query][key % 2]
//   Sᵀ, Oᵀ: [row][query] in f32
//
// Two groups of queries take turns: while one's softmax is worked out in vectors, the other's products go on
// in tiles, a few between two lines of keys, so that neither unit waits for the other. A block of keys is so
// small that all of it stays in the nearest cache. The running maximum is let grow by 2^kSpare before sums
// are scaled anew. Depth and keys are filled up with zeros to 32, the values' depth to 16. Included by kernel
// sources only; the rules of simd.h hold.
#include "ops/cpu/attention_tile_operands.h"
#include "ops/cpu/unroll.h"

namespace dq::ops::cpu {
namespace {

// Session: tile registers while it lives; zero, load, store and dot as in tiles_amx.h.
template <class Isa, class Session>
struct TileAttention {
  using Vec = typename Isa::Vec;
  using Number = std::uint16_t;
  using Operands = TileOperands<Isa>;
  static constexpr std::int64_t kGroup = Isa::kWidth, kGroups = 2, kQueries = kGroup * kGroups;
  static constexpr std::int64_t kKeys = 64;
  static constexpr std::int64_t kTile = kTileRows * kTileDepth;  // numbers of an operand's tile
  static constexpr std::int64_t kSums = kTileRows * kGroup;      // numbers of a tile of sums
  static constexpr int kMost = 4;                                // tiles of sums at once
  static constexpr float kSpare = 8;
  static_assert(kGroup == kTileRows);

  static constexpr std::int64_t panels(std::int64_t n) { return Operands::panels(n); }
  static constexpr std::int64_t value_tiles(std::int64_t value_dim) {
    return (value_dim + kTileRows - 1) / kTileRows;
  }
  static std::int64_t keys_bytes(std::int64_t key_count, std::int64_t head_dim) {
    return panels(key_count) * 2 * panels(head_dim) * kTile * 2;
  }
  static std::int64_t values_bytes(std::int64_t key_count, std::int64_t value_dim) {
    return panels(key_count) * value_tiles(value_dim) * kTile * 2;
  }

  static void pack_keys(const float* k, std::int64_t stride, std::int64_t key_count, std::int64_t head_dim,
                        std::byte* out) {
    Operands::pack_rows(k, stride, key_count, panels(key_count) * kTileDepth, head_dim, 1,
                        reinterpret_cast<Number*>(out));
  }

  static void pack_values(const float* v, std::int64_t stride, std::int64_t key_count, std::int64_t value_dim,
                          std::byte* out) {
    auto* tiles = reinterpret_cast<Number*>(out);
    const std::int64_t across = value_tiles(value_dim);
    Operands::pack_turned(v, stride, key_count, value_dim, [&](std::int64_t panel, std::int64_t row) {
      return tiles + (panel * across + row) * kTile;
    });
  }

  // A group's operands and running results: a lane a query.
  struct Group {
    std::int64_t rows = 0, first_query = 0;
    Number *queries = nullptr, *weights = nullptr;
    float *scores = nullptr, *out = nullptr;
    float *most = nullptr, *sums = nullptr;
  };
  static std::int64_t group_bytes(std::int64_t head_dim, std::int64_t value_dim) {
    return 4 * (kKeys * kGroup + value_tiles(value_dim) * kSums + 2 * kGroup) +
           2 * (kKeys * kGroup + panels(head_dim) * kTile);
  }
  static std::int64_t scratch_bytes(std::int64_t head_dim, std::int64_t value_dim) {
    return kGroups * group_bytes(head_dim, value_dim);
  }

  // The products of one group between two of its softmaxes, carried out step by step: Oᵀ += Vᵀ·P of the keys
  // before, then Sᵀ = K·Qᵀ of the next.
  class Products {
   public:
    Products(Session& tiles, const AttentionBlock& block)
        : tiles_(tiles),
          keys_(reinterpret_cast<const Number*>(block.keys)),
          values_(reinterpret_cast<const Number*>(block.values)),
          depth_(panels(block.head_dim)),
          value_tiles_(value_tiles(block.value_dim)) {}

    // Of a group, when all steps are done; then values before scores, of `keys` keys from `first` on.
    void begin(const Group& group) { group_ = &group; }
    void add_values(std::int64_t first, std::int64_t keys) {
      value_a_ = values_ + first / kTileDepth * value_tiles_ * kTile;
      value_depth_ = panels(keys);
      value_left_ = value_tiles_;
      steps_ += (value_tiles_ + kMost - 1) / kMost * value_depth_;
    }
    void add_scores(std::int64_t first, std::int64_t keys) {
      score_a_ = keys_ + first / kTileRows * depth_ * kTile;
      score_tiles_ = panels(keys) * 2;
      steps_ += depth_;
    }

    std::int64_t steps() const { return steps_; }  // that are left

    void step() {
      if (at_ == depth_now_) next();
      switch (count_) {
        case 1:
          return step_of<1>();
        case 2:
          return step_of<2>();
        case 3:
          return step_of<3>();
        default:
          return step_of<4>();
      }
    }

    void finish() {
      while (steps_ > 0) step();
    }

   private:
    void next() {
      at_ = 0;
      add_ = value_left_ > 0;
      if (add_) {
        count_ = static_cast<int>(smaller(std::int64_t{kMost}, value_left_));
        const std::int64_t first = value_tiles_ - value_left_;
        a_ = value_a_ + first * kTile;
        a_row_ = kTile;
        a_step_ = value_tiles_ * kTile;
        b_ = group_->weights;
        c_ = group_->out + first * kSums;
        depth_now_ = value_depth_;
        value_left_ -= count_;
      } else {
        count_ = static_cast<int>(score_tiles_);
        a_ = score_a_;
        a_row_ = depth_ * kTile;
        a_step_ = kTile;
        b_ = group_->queries;
        c_ = group_->scores;
        depth_now_ = depth_;
      }
    }

    template <int kCount>
    void step_of() {
      if (at_ == 0) {
        unroll<kCount>([&](auto i) __attribute__((always_inline)) {
          if (add_) {
            tiles_.template load<i>(c_ + i * kSums, kGroup * 4);
          } else {
            tiles_.template zero<i>();
          }
        });
      }
      const Number* a = a_ + at_ * a_step_;
      tiles_.template load<7>(b_ + at_ * kTile, kTileDepth * 2);
      unroll<kCount>([&](auto i) __attribute__((always_inline)) {
        constexpr int kA = 4 + i % 3;
        tiles_.template load<kA>(a + i * a_row_, kTileDepth * 2);
        tiles_.template dot<i, kA, 7>();
      });
      --steps_;
      if (++at_ < depth_now_) return;
      unroll<kCount>([&](auto i) __attribute__((always_inline)) {
        tiles_.template store<i>(c_ + i * kSums, kGroup * 4);
      });
    }

    Session& tiles_;
    const Number *keys_, *values_;
    const std::int64_t depth_, value_tiles_;
    const Group* group_ = nullptr;
    const Number *value_a_ = nullptr, *score_a_ = nullptr;
    std::int64_t value_depth_ = 0, value_left_ = 0, score_tiles_ = 0;
    std::int64_t steps_ = 0;
    // The product at hand: `count_` tiles of sums, step `at_` of `depth_now_`.
    const Number *a_ = nullptr, *b_ = nullptr;
    std::int64_t a_row_ = 0, a_step_ = 0, at_ = 0, depth_now_ = 0;
    float* c_ = nullptr;
    int count_ = 0;
    bool add_ = false;
  };

  // P = 2^(S − largest) of `keys` keys, a multiple of 32, and the other group's products beside it. Where the
  // largest grows, what was summed up so far shrinks. A query that saw only −∞ counts from 0.
  static void weigh(const Group& g, std::int64_t keys, std::int64_t value_tiles, Products& products) {
    const float* s = g.scores;
    Vec top[4];
    for (int i = 0; i < 4; ++i) top[i] = Isa::load(s + i * kGroup);
    for (std::int64_t key = 4; key < keys; key += 4) {
      for (int i = 0; i < 4; ++i) top[i] = Isa::max(top[i], Isa::load(s + (key + i) * kGroup));
    }
    const Vec now = Isa::max(Isa::max(top[0], top[1]), Isa::max(top[2], top[3]));
    Vec most = Isa::load(g.most), sum = Isa::load(g.sums);
    const Vec spare = most + Isa::set1(kSpare);
    if (Isa::any_less(spare, now)) {
      const Vec grown = Isa::select_less(spare, now, now, most);
      const Vec factor = Isa::select_less(spare, now, exp2_nonpositive<Isa>(most - grown), Isa::set1(1));
      most = grown;
      Isa::store(g.most, most);
      sum = sum * factor;
      for (std::int64_t i = 0; i < value_tiles * kTileRows; ++i)
        Isa::store(g.out + i * kGroup, Isa::load(g.out + i * kGroup) * factor);
    }
    const Vec from = Isa::select_less(most, Isa::set1(-3.4028234e38F), Isa::zero(), Isa::zero() - most);
    Vec second = Isa::zero();
    const std::int64_t steps = products.steps(), lines = keys / kLine;
    std::int64_t due = 0;
    for (std::int64_t line = 0; line < lines; ++line) {
      const float* row = s + line * kLine * kGroup;
      Number* weights = g.weights + line * kLine * kGroup;
#pragma GCC unroll 4
      for (std::int64_t i = 0; i < kLine; i += 2) {
        const Vec x = exp2_nonpositive_rough<Isa>(from + Isa::load(row + i * kGroup));
        const Vec y = exp2_nonpositive_rough<Isa>(from + Isa::load(row + (i + 1) * kGroup));
        sum = sum + x;
        second = second + y;
        Isa::store_bf16_zipped(weights + i * kGroup, x, y);
      }
      for (due += steps; due >= lines; due -= lines) products.step();
    }
    Isa::store(g.sums, sum + second);
    products.finish();
  }
  static constexpr std::int64_t kLine = 8;  // keys between two steps of products

  // y = O / l; a query without any weight is 0.
  static void finish(const AttentionBlock& b, const Group& g) {
    const Vec sum = Isa::load(g.sums), zero = Isa::zero();
    // Neither a sum of 0 nor one that is no number is more than 0.
    const Vec inverse = Isa::select_less(zero, sum, Isa::set1(1) / sum, sum);
    alignas(64) float turned[kTileRows * kGroup];
    if (b.log_sums) {
      float* log_sums = b.log_sums + (g.first_query - b.first_query);
      for (std::int64_t r = 0; r < g.rows; ++r) log_sums[r] = log_sum(g.most[r], g.sums[r]);
    }
    float* y = b.y + (g.first_query - b.first_query) * b.y_stride;
    for (std::int64_t d = 0; d < b.value_dim; d += kTileRows) {
      float* out = g.out + d * kGroup;
      for (std::int64_t i = 0; i < kTileRows; ++i)
        Isa::store(out + i * kGroup, Isa::load(out + i * kGroup) * inverse);
      transpose_4_bytes(reinterpret_cast<const std::byte*>(out), kGroup, reinterpret_cast<std::byte*>(turned),
                        kTileRows, kGroup, kTileRows);
      const int n = static_cast<int>(smaller(kTileRows, b.value_dim - d));
      for (std::int64_t r = 0; r < g.rows; ++r)
        Isa::store_n(y + r * b.y_stride + d, n, Isa::load(turned + r * kTileRows));
    }
  }

  static Group open(const AttentionBlock& b, std::int64_t index, std::byte* memory) {
    memory += index * group_bytes(b.head_dim, b.value_dim);
    const std::int64_t first = index * kGroup, depth = panels(b.head_dim),
                       out = value_tiles(b.value_dim) * kSums;
    Group g;
    g.rows = smaller(kGroup, b.rows - first);
    g.first_query = b.first_query + first;
    g.scores = reinterpret_cast<float*>(memory);
    g.out = g.scores + kKeys * kGroup;
    g.most = g.out + out;
    g.sums = g.most + kGroup;
    g.weights = reinterpret_cast<Number*>(g.sums + kGroup);
    g.queries = g.weights + kKeys * kGroup;
    std::memset(g.out, 0, static_cast<std::size_t>(out) * sizeof(float));
    Isa::store(g.most, Isa::set1(minus_infinity()));
    Isa::store(g.sums, Isa::zero());
    // A step's tile is made in the scores' place.
    auto* rows = reinterpret_cast<Number*>(g.scores);
    const Vec factor = Isa::set1(b.scale * kLog2E);
    for (std::int64_t step = 0; step < depth; ++step) {
      const std::int64_t d = step * kTileDepth;
      for (std::int64_t r = 0; r < kGroup; ++r) {
        // Queries that are not there are the last one again: their results are not read.
        const float* row = b.q + (first + smaller(r, g.rows - 1)) * b.q_stride + d;
        round_row<Isa>(row, smaller(kTileDepth, b.head_dim - d), rows + r * kTileDepth, 0,
                       [&](Vec v) { return v * factor; });
      }
      transpose_4_bytes(reinterpret_cast<const std::byte*>(rows), kTileDepth / 2,
                        reinterpret_cast<std::byte*>(g.queries + step * kTile), kGroup, kTileDepth / 2,
                        kGroup);
    }
    return g;
  }

  static void attend(const AttentionBlock& b, std::byte* memory) {
    Session tiles;
    const std::int64_t groups = b.rows > kGroup ? 2 : 1, all_values = value_tiles(b.value_dim);
    Group group[kGroups] = {open(b, 0, memory), {}};
    if (groups == 2) group[1] = open(b, 1, memory);
    const std::int64_t end = b.causal ? smaller(b.key_count, b.first_query + b.rows) : b.key_count;
    Products products(tiles, b);
    const auto keys_from = [&](std::int64_t first) { return smaller(kKeys, end - first); };
    const auto score = [&](std::int64_t first) {
      if (first < end) products.add_scores(first, keys_from(first));
    };
    const auto hide_from = [&](const Group& g, std::int64_t first) {
      if (first >= end) return;
      const float* bias = b.bias ? b.bias + (g.first_query - b.first_query) * b.bias_stride : nullptr;
      hide({g.rows, g.first_query, first, keys_from(first), b.causal, bias, b.bias_stride},
           [&](std::int64_t query, std::int64_t key) -> float& { return g.scores[key * kGroup + query]; });
    };
    // One group's products alone, then what hides its logits.
    const auto multiply = [&](const Group& g, std::int64_t values, std::int64_t scores) {
      products.begin(g);
      if (values >= 0) products.add_values(values, keys_from(values));
      score(scores);
      products.finish();
      hide_from(g, scores);
    };
    multiply(group[0], -1, 0);
    for (std::int64_t first = 0; first < end; first += kKeys) {
      const std::int64_t whole = panels(keys_from(first)) * kTileDepth;
      if (groups == 1) {
        weigh(group[0], whole, all_values, products);
        multiply(group[0], first, first + kKeys);
        continue;
      }
      // The second group is half a turn behind.
      products.begin(group[1]);
      if (first > 0) products.add_values(first - kKeys, kKeys);
      score(first);
      weigh(group[0], whole, all_values, products);
      hide_from(group[1], first);
      products.begin(group[0]);
      products.add_values(first, keys_from(first));
      score(first + kKeys);
      weigh(group[1], whole, all_values, products);
      hide_from(group[0], first + kKeys);
    }
    if (groups == 2 && end > 0) multiply(group[1], (end - 1) / kKeys * kKeys, end);
    for (std::int64_t i = 0; i < groups; ++i) finish(b, group[i]);
  }

  static constexpr AttentionKernels kernels() {
    return {
        static_cast<int>(kQueries), keys_bytes, values_bytes, scratch_bytes, pack_keys, pack_values, attend};
  }
};

}  // namespace
}  // namespace dq::ops::cpu
