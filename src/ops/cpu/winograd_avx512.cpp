// AVX-512 without bf16 panels of pairs. U is 296 KB and M at most 444 KB of an L2 of 1 MB or more.
#include "ops/cpu/winograd_kernel.h"

namespace dq::ops::cpu {

const WinogradKernels& winograd_kernels_avx512() {
  static constexpr WinogradKernels kKernels = winograd_kernels<F32Math<Avx512, 12, 32, 64, 96>>();
  return kKernels;
}

}  // namespace dq::ops::cpu
