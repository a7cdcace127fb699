#include "ops/cpu/norm_kernel.h"

namespace dq::ops::cpu {

constinit const NormKernels kNormAvx2 = NormLoops<Avx2>::kernels();
constinit const NormKernels kNormEmulated512 = NormLoops<Emulated512>::kernels();

}  // namespace dq::ops::cpu
