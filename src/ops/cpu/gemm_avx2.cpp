// AVX2, and the 512-bit kernels emulated with AVX2 for tests.
#include "ops/cpu/gemm_tile_kernel.h"

namespace dq::ops::cpu {
namespace {

// 12 sums, 2 weights and 1 pixel in 16 registers. One panel block is 20 KB of L1, the A block 240 KB of L2.
using Avx2F32 = F32Math<Avx2, 6, 16, 320, 192>;
using EmulatedF32 = F32Math<Emulated512, 12, 32, 192, 192>;
using EmulatedBf16 = Bf16Math<Emulated512, 12, 32, 384, 192>;
using EmulatedTiled = TileMath<Emulated512, EmulatedTiles, 512, 256>;

void run_emulated(const GemmTask& t) {
  return t.w.format == PanelFormat::kBF16Pairs ? run_task<EmulatedBf16>(t) : run_task<EmulatedF32>(t);
}

void run_emulated_tiles(const GemmTask& t) {
  return t.w.format == PanelFormat::kBF16Pairs ? run_task<EmulatedTiled>(t) : run_task<EmulatedF32>(t);
}

}  // namespace

const GemmKernels& gemm_kernels_avx2() {
  static constexpr GemmKernels kKernels = {shape_of<Avx2F32>(32), shape_of<Avx2F32>(32), PanelFormat::kBF16,
                                           run_task<Avx2F32>};
  return kKernels;
}

const GemmKernels& gemm_kernels_emulated512() {
  static constexpr GemmKernels kKernels = {shape_of<EmulatedF32>(16), shape_of<EmulatedBf16>(16),
                                           PanelFormat::kBF16Pairs, run_emulated};
  return kKernels;
}

const GemmKernels& gemm_kernels_emulated_amx() {
  static constexpr GemmKernels kKernels = {shape_of<EmulatedF32>(64), shape_of<EmulatedTiled>(1024),
                                           PanelFormat::kBF16Pairs, run_emulated_tiles};
  return kKernels;
}

}  // namespace dq::ops::cpu
