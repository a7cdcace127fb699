#pragma once
// The matrix product of gemm.h in tile registers. Included by gemm_amx.cpp and gemm_avx2.cpp only (see
// simd.h).
#include "ops/cpu/gemm_kernel.h"
#include "ops/cpu/tile_product.h"

namespace dq::ops::cpu {
namespace {

// Tiles: where the products happen; multiply(const TileProduct&).
template <class Isa_, class Tiles, int kKc_, int kMc_>
struct TileMath {
  using Isa = Isa_;
  using Number = std::uint16_t;
  static constexpr int kMr = 32, kNr = 32, kKc = kKc_, kMc = kMc_, kStep = kTileDepth, kRowStep = kTileRows;
  static_assert(kKc % kTileDepth == 0 && kMc % kMr == 0);

  static void pack_rows(const RowSource& a, std::int64_t m0, std::int64_t m1, std::int64_t k, std::int64_t kc,
                        std::uint16_t* block) {
    alignas(64) float line[kKc];
    for (std::int64_t m = m0; m < m1; ++m) {
      const std::int64_t r = m - m0;
      round_row<Isa>(a.row(a.self, m, k, kc, line), kc,
                     block + r / kTileRows * kTileRows * kKc + r % kTileRows * kTileDepth,
                     kTileRows * kTileDepth, [](auto v) { return v; });
    }
  }

  static void multiply(std::int64_t kc, const std::uint16_t* a, const std::uint16_t* w, float* c, bool add,
                       std::int64_t rows, std::int64_t columns) {
    Tiles::multiply(
        {kc / kTileDepth, a, w, kTileRows * kKc, c, add, rows > kTileRows, columns > Isa::kWidth});
  }
};

}  // namespace
}  // namespace dq::ops::cpu
