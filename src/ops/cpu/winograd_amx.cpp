#include "ops/cpu/tiles_amx.h"
#include "ops/cpu/winograd_tile_kernel.h"

namespace dq::ops::cpu {

const WinogradKernels& winograd_kernels_amx() {
  static constexpr WinogradKernels kKernels = TileWinograd<Avx512Bf16, AmxTiles, TileSession>::kernels();
  return kKernels;
}

}  // namespace dq::ops::cpu
