#include "ops/cpu/winograd_gradient_kernel.h"

namespace dq::ops::cpu {

const WinogradGradientKernels& winograd_gradient_kernels_avx512() {
  static constexpr WinogradGradientKernels kKernels = {winograd_spread<Avx512>, winograd_fold<Avx512>};
  return kKernels;
}

}  // namespace dq::ops::cpu
