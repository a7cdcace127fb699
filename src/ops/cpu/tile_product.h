#pragma once
// bf16 products in tile registers (Intel SDM vol. 1, ch. 18): eight registers of 16 rows by 64 bytes, and
// TDPBF16PS, C[16, 16] += A[16, 32]·B[32, 16]. Two tiles of A times two of B fill four sums, so that each
// tile that is loaded is used twice.
//
// A lies as tiles that are whole in memory, because rows a power of two apart would share a few lines of the
// cache:
//   A: [row / 16][k / 32][row % 16][k % 32]
//   B: [k / 2][32 columns][k % 2], a panel of pairs as in gemm.h
//
// Included by kernel sources only; the rules of simd.h hold.
#include <cstddef>

#include "ops/cpu/simd.h"

namespace dq::ops::cpu {
namespace {

inline constexpr std::int64_t kTileRows = 16, kTileDepth = 32;

// c = [c +] a·b: up to two tiles of A by two of a panel, over `steps` tiles of K. Rows of tiles of A lie
// `a_stride` numbers apart, rows of c 32. Tiles are written whole.
struct TileProduct {
  std::int64_t steps = 0;
  const std::uint16_t *a = nullptr, *b = nullptr;
  std::int64_t a_stride = 0;
  float* c = nullptr;
  bool add = false;
  bool two_rows = false, two_columns = false;
};

// change(x) of n numbers of a row of A, rounded, zeros up to a whole tile; its tiles lie `stride` numbers
// apart.
template <class Isa, class Change>
void round_row(const float* x, std::int64_t n, std::uint16_t* out, std::int64_t stride,
               const Change& change) {
  static_assert(kTileDepth == 2 * Isa::kWidth);
  std::int64_t i = 0;
  for (; i + kTileDepth <= n; i += kTileDepth, out += stride) {
    Isa::store_bf16_two(out, change(Isa::load(x + i)), change(Isa::load(x + i + Isa::kWidth)));
  }
  if (i == n) return;
  const int left = static_cast<int>(n - i), first = left < Isa::kWidth ? left : Isa::kWidth;
  Isa::store_bf16_two(out, change(Isa::load_n(x + i, first)),
                      change(Isa::load_n(x + i + first, left - first)));
}

// TileProducts in vectors, for tests on processors without tiles.
struct EmulatedTiles {
  using Isa = Emulated512;

  // The registers one by one, as TileSession of tiles_amx.h has them.
  class Session {
   public:
    template <int kTile>
    void zero() {
      std::memset(tiles_[kTile], 0, sizeof(tiles_[kTile]));
    }
    template <int kTile>
    void load(const void* p, std::int64_t bytes) {
      for (int row = 0; row < kTileRows; ++row)
        std::memcpy(tiles_[kTile][row], static_cast<const std::byte*>(p) + row * bytes, kLine);
    }
    template <int kTile>
    void store(void* p, std::int64_t bytes) const {
      for (int row = 0; row < kTileRows; ++row)
        std::memcpy(static_cast<std::byte*>(p) + row * bytes, tiles_[kTile][row], kLine);
    }
    template <int kC, int kA, int kB>
    void dot() {
      for (int row = 0; row < kTileRows; ++row) {
        auto* c = reinterpret_cast<float*>(tiles_[kC][row]);
        Isa::Vec sum = Isa::load(c);
        for (int k = 0; k < kTileDepth / 2; ++k) {
          const auto* pair = reinterpret_cast<const std::uint16_t*>(tiles_[kA][row]) + 2 * k;
          const auto* line = reinterpret_cast<const std::uint16_t*>(tiles_[kB][k]);
          sum = Isa::dot_bf16(sum, Isa::broadcast_pair(pair), Isa::load_pairs(line));
        }
        Isa::store(c, sum);
      }
    }

   private:
    static constexpr int kLine = 64;  // bytes
    alignas(64) std::byte tiles_[8][kTileRows][kLine] = {};
  };

  static void multiply(const TileProduct& p) {
    for (int row = 0; row < (p.two_rows ? 2 : 1) * kTileRows; ++row) {
      const std::uint16_t* a = p.a + row / kTileRows * p.a_stride + row % kTileRows * kTileDepth;
      for (int column = 0; column < (p.two_columns ? 32 : 16); column += Isa::kWidth) {
        float* c = p.c + row * 32 + column;
        Isa::Vec sum = p.add ? Isa::load(c) : Isa::zero();
        for (std::int64_t k = 0; k < p.steps * kTileDepth; k += 2) {
          const std::uint16_t* pair = a + k / kTileDepth * kTileRows * kTileDepth + k % kTileDepth;
          sum = Isa::dot_bf16(sum, Isa::broadcast_pair(pair), Isa::load_pairs(p.b + k * 32 + column * 2));
        }
        Isa::store(c, sum);
      }
    }
  }
};

}  // namespace
}  // namespace dq::ops::cpu
