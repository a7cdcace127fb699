// AVX-512 without bf16 products.
#include "ops/cpu/gemm_kernel.h"

namespace dq::ops::cpu {
namespace {

// 24 sums and 2 weights in 32 registers. One panel block is 24 KB of L1, the A block 144 KB of L2.
using Avx512F32 = F32Math<Avx512, 12, 32, 192, 192>;

}  // namespace

const GemmKernels& gemm_kernels_avx512() {
  static constexpr GemmKernels kKernels = {shape_of<Avx512F32>(64), shape_of<Avx512F32>(64),
                                           PanelFormat::kBF16, run_task<Avx512F32>};
  return kKernels;
}

}  // namespace dq::ops::cpu
