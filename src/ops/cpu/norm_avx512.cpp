#include "ops/cpu/norm_kernel.h"

namespace dq::ops::cpu {

constinit const NormKernels kNormAvx512 = NormLoops<Avx512>::kernels();

}  // namespace dq::ops::cpu
