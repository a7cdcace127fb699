// AVX2, and the 512-bit kernels emulated with AVX2 for tests. U is 148 KB and M at most 222 KB of a 512 KB
// L2.
#include "ops/cpu/winograd_kernel.h"
#include "ops/cpu/winograd_tile_kernel.h"

namespace dq::ops::cpu {

const WinogradKernels& winograd_kernels_avx2() {
  static constexpr WinogradKernels kKernels = winograd_kernels<F32Math<Avx2, 6, 16, 64, 96>>();
  return kKernels;
}

const WinogradKernels& winograd_kernels_emulated512() {
  static constexpr WinogradKernels kKernels = winograd_kernels<F32Math<Emulated512, 12, 32, 64, 96>>();
  return kKernels;
}

const WinogradKernels& winograd_kernels_emulated_amx() {
  static constexpr WinogradKernels kKernels =
      TileWinograd<Emulated512, EmulatedTiles, EmulatedTiles::Session>::kernels();
  return kKernels;
}

}  // namespace dq::ops::cpu
