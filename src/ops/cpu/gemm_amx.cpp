// bf16 products in tile registers; f32 as in gemm_avx512.cpp.
#include "ops/cpu/gemm_tile_kernel.h"
#include "ops/cpu/tiles_amx.h"

namespace dq::ops::cpu {
namespace {

using WideF32 = F32Math<Avx512Bf16, 12, 32, 192, 192>;
// A block of A takes up to 3/8 of L2, so that a panel of W, which comes from further away, meets many rows.
using Tiled = TileMath<Avx512Bf16, AmxTiles, 768, 512>;

void run(const GemmTask& t) {
  if (t.w.format != PanelFormat::kBF16Pairs) return run_task<WideF32>(t);
  const TileSession session;
  run_task<Tiled>(t);
}

}  // namespace

const GemmKernels& gemm_kernels_amx() {
  static constexpr GemmKernels kKernels = {shape_of<WideF32>(64), shape_of<Tiled>(1024),
                                           PanelFormat::kBF16Pairs, run};
  return kKernels;
}

}  // namespace dq::ops::cpu
