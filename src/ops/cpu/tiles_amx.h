#pragma once
// The tile registers themselves. Included by kernel sources that end in _amx.cpp only.
#include "ops/cpu/tile_product.h"

namespace dq::ops::cpu {
namespace {

// This thread's tile registers, all of 16 rows by 64 bytes, while it lives.
class TileSession {
 public:
  TileSession() { _tile_loadconfig(&kShapes); }
  ~TileSession() { _tile_release(); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;

  // Of register kTile; lines of a tile lie `bytes` apart. dot: C += A·B. Spelled out, since GCC's intrinsics
  // take literals only and do not say that they read memory.
  template <int kTile>
  static void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  template <int kTile>
  static void load(const void* p, std::int64_t bytes) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(p), "r"(bytes), "i"(kTile) : "memory");
  }
  template <int kTile>
  static void store(void* p, std::int64_t bytes) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(p), "r"(bytes), "i"(kTile) : "memory");
  }
  template <int kC, int kA, int kB>
  static void dot() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }

 private:
  // The 64 bytes that LDTILECFG reads.
  struct alignas(64) Shapes {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};

    static constexpr Shapes whole() {
      Shapes all;
      for (int i = 0; i < 8; ++i) all.row_bytes[i] = 64, all.rows[i] = 16;
      return all;
    }
  };
  static_assert(sizeof(Shapes) == 64);
  // A constant: GCC's intrinsic tells the compiler of its first bytes only, so that stores to a local could
  // be left out.
  static const Shapes kShapes;
};

constinit const TileSession::Shapes TileSession::kShapes = Shapes::whole();

// Within a TileSession. Registers 0 … 3 are the sums, 4 and 5 tiles of A, 6 and 7 of B.
struct AmxTiles {
  static constexpr int kLine = 32 * 4;  // bytes of a row of c, and of a line of the panel

  template <bool kTwoRows, bool kTwoColumns>
  static void run(const TileProduct& p) {
    if (p.add) {
      TileSession::load<0>(p.c, kLine);
      if constexpr (kTwoColumns) TileSession::load<1>(p.c + 16, kLine);
      if constexpr (kTwoRows) TileSession::load<2>(p.c + 16 * 32, kLine);
      if constexpr (kTwoRows && kTwoColumns) TileSession::load<3>(p.c + 16 * 32 + 16, kLine);
    } else {
      TileSession::zero<0>();
      if constexpr (kTwoColumns) TileSession::zero<1>();
      if constexpr (kTwoRows) TileSession::zero<2>();
      if constexpr (kTwoRows && kTwoColumns) TileSession::zero<3>();
    }
    const std::uint16_t *a = p.a, *b = p.b;
    for (std::int64_t i = 0; i < p.steps; ++i, a += kTileRows * kTileDepth, b += kTileDepth * 32) {
      TileSession::load<6>(b, kLine);
      TileSession::load<4>(a, 64);
      TileSession::dot<0, 4, 6>();
      if constexpr (kTwoColumns) {
        TileSession::load<7>(b + 32, kLine);
        TileSession::dot<1, 4, 7>();
      }
      if constexpr (kTwoRows) {
        TileSession::load<5>(a + p.a_stride, 64);
        TileSession::dot<2, 5, 6>();
        if constexpr (kTwoColumns) TileSession::dot<3, 5, 7>();
      }
    }
    TileSession::store<0>(p.c, kLine);
    if constexpr (kTwoColumns) TileSession::store<1>(p.c + 16, kLine);
    if constexpr (kTwoRows) TileSession::store<2>(p.c + 16 * 32, kLine);
    if constexpr (kTwoRows && kTwoColumns) TileSession::store<3>(p.c + 16 * 32 + 16, kLine);
  }

  static void multiply(const TileProduct& p) {
    if (p.two_rows) return p.two_columns ? run<true, true>(p) : run<true, false>(p);
    return p.two_columns ? run<false, true>(p) : run<false, false>(p);
  }
};

}  // namespace
}  // namespace dq::ops::cpu
