// AVX-512 with bf16 products.
#include "ops/cpu/gemm_kernel.h"

namespace dq::ops::cpu {
namespace {

// As in gemm_avx512.cpp; with 16-bit numbers twice as many steps of K take the same room.
using WideF32 = F32Math<Avx512Bf16, 12, 32, 192, 192>;
using WideBf16 = Bf16Math<Avx512Bf16, 12, 32, 384, 192>;

void run_wide(const GemmTask& t) {
  return t.w.format == PanelFormat::kBF16Pairs ? run_task<WideBf16>(t) : run_task<WideF32>(t);
}

}  // namespace

const GemmKernels& gemm_kernels_avx512bf16() {
  static constexpr GemmKernels kKernels = {shape_of<WideF32>(64), shape_of<WideBf16>(128),
                                           PanelFormat::kBF16Pairs, run_wide};
  return kKernels;
}

}  // namespace dq::ops::cpu
