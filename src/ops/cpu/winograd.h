#pragma once
// Winograd's F(4×4, 3×3) for stride-1 3×3 convolutions in f32 (Lavin & Gray 2016): Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d
// B)]A. A 4×4 tile of the result costs 36 products a channel instead of 144.
//
// Points 0, ±5/8, ±3/2, ∞ instead of the usual 0, ±1, ±2, ∞: all constants are still exact in f32, and the
// error on random data at 1280 channels is 3e-6 of the norm instead of 7e-6, about that of direct f32 sums.
//
// Weights are transformed from the panels of gemm.h as they are needed (kept transformed they would take four
// times their room, eight with 16-bit weights). Tiles go in groups, for which all threads first transform the
// pixels into V, then share the panels of output channels:
//
//   V: [K block][36][tile of the group][kc]     shared       Bᵀ d B
//   U: [36][kc][nr]                             a thread's   G g Gᵀ of one panel and K block
//   M: [36][tile][nr]                           a thread's   the sums, transformed back when all K is in
//
// Every sum runs over the channels in order: groups, panels and threads do not change a bit.
//
// Where products are made in tile registers, F(2×2, 3×3) in bf16 instead: U and V are rounded, a 2×2 tile
// costs 16 products instead of 36 (winograd_tile_kernel.h). The larger form amplifies roundings more.
#include <cstdint>

#include "ops/cpu/gemm.h"

namespace dq::ops::cpu {

// Of the form in f32, which the weight's gradient uses too.
constexpr std::int64_t kWinogradTile = 4;       // outputs a side
constexpr std::int64_t kWinogradProducts = 36;  // matrix products, one a position of the patch

// A convolution as the kernels see it.
struct WinogradImages {
  const float* x = nullptr;      // [N, height >> shift, width >> shift, channels]
  const float* zeros = nullptr;  // `channels` zeros, for pixels outside
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t tiles_y = 0, tiles_x = 0;  // tiles of an image
  int pad_top = 0, pad_left = 0;
  int shift = 0;  // 1 when x is read as if enlarged twice
};

// Tiles [first, first + tiles), counted through all images, and their transformed pixels.
struct WinogradGroup {
  WinogradImages images;
  std::int64_t first = 0, tiles = 0;
  void* v = nullptr;
  std::int64_t v_stride = 0;  // numbers from one of the matrices to the next
};

struct WinogradKernels {
  int tile = 0;       // outputs a side
  int products = 0;   // (tile + 2)²
  int nr = 0;         // as the panels have it
  int panels = 1;     // of an output task
  int kc = 0;         // channels of a K block
  int tile_step = 1;  // output tasks begin at multiples of it
  // Below these the transforms take too large a share of the time, or panels are half empty.
  int least_in = 32, least_out = 16;
  std::int64_t most_tiles = 0;   // of one output task
  std::size_t number_bytes = 0;  // of a number of V
  // Floats of a thread's scratch for `tiles` tiles.
  std::int64_t (*scratch_floats)(std::int64_t tiles) = nullptr;
  // V of the group's tiles [t0, t1).
  void (*input)(const WinogradGroup&, std::int64_t t0, std::int64_t t1) = nullptr;
  // y of the group's tiles [t0, t1), the columns of the task's panels from `panel` on.
  void (*output)(const WinogradGroup&, const Panels&, const Epilogue&, std::int64_t panel, std::int64_t t0,
                 std::int64_t t1, float* scratch) = nullptr;
};

const WinogradKernels& winograd_kernels_avx2();
const WinogradKernels& winograd_kernels_avx512();
const WinogradKernels& winograd_kernels_avx512bf16();
const WinogradKernels& winograd_kernels_amx();
const WinogradKernels& winograd_kernels_emulated512();
const WinogradKernels& winograd_kernels_emulated_amx();

}  // namespace dq::ops::cpu
