#include "ops/cpu/winograd_gradient_kernel.h"

namespace dq::ops::cpu {

const WinogradGradientKernels& winograd_gradient_kernels_avx2() {
  static constexpr WinogradGradientKernels kKernels = {winograd_spread<Avx2>, winograd_fold<Avx2>};
  return kKernels;
}

const WinogradGradientKernels& winograd_gradient_kernels_emulated512() {
  static constexpr WinogradGradientKernels kKernels = {winograd_spread<Emulated512>,
                                                       winograd_fold<Emulated512>};
  return kKernels;
}

}  // namespace dq::ops::cpu
