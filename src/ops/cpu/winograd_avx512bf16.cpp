// As winograd_avx512.cpp, also from panels of bf16 pairs. The arithmetic is f32: four times fewer products
// outweigh bf16's twice as many a cycle, and no pixel is rounded.
#include "ops/cpu/winograd_kernel.h"

namespace dq::ops::cpu {

const WinogradKernels& winograd_kernels_avx512bf16() {
  static constexpr WinogradKernels kKernels = winograd_kernels<F32Math<Avx512Bf16, 12, 32, 64, 96>>();
  return kKernels;
}

}  // namespace dq::ops::cpu
