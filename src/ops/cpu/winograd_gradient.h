#pragma once
// The weight's gradient of a stride-1 3×3 convolution by the adjoint of winograd.h. The forward pass is
// linear in the weight, y = Aᵀ[(G g Gᵀ) ⊙ V]A summed over channels, so with dM = A dy Aᵀ of every tile
//
//   dU[p][c, n] = Σ_tiles V[p][tile, c]·dM[p][tile, n]      36 products that sum over tiles
//   dg = Gᵀ dU G
//
// A tile of 4×4 outputs costs 36 products a pair of channels instead of 144.
//
//   V:  [K block][36][tile][kc]    as in winograd.h
//   dM: [36][panel][tile][nr]      the panels of gemm.h
//   dU: [36][channel][n]
//
// Everything here is plain data: kernel sources include this header.
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/winograd.h"

namespace dq::ops::cpu {

// dM of tiles [first, first + tiles) of a result that has a gradient dy: [N, out_height, out_width, n].
struct WinogradSpread {
  WinogradImages images;
  const float* dy = nullptr;
  std::int64_t n = 0, nr = 0;
  std::int64_t first = 0, tiles = 0;
  float* dm = nullptr;
  std::int64_t dm_stride = 0;  // floats from one of the 36 to the next
};

struct WinogradGradientKernels {
  // dM of the group's tiles [t0, t1).
  void (*spread)(const WinogradSpread&, std::int64_t t0, std::int64_t t1) = nullptr;
  // dU → dg, `count` numbers of each: taps lie `count` apart, in the order of the kernel's rows and columns.
  void (*fold)(const float* du, std::int64_t count, std::int64_t begin, std::int64_t end,
               float* dg) = nullptr;
};

const WinogradGradientKernels& winograd_gradient_kernels_avx2();
const WinogradGradientKernels& winograd_gradient_kernels_avx512();
const WinogradGradientKernels& winograd_gradient_kernels_emulated512();

}  // namespace dq::ops::cpu
