#include "ops/cpu/rms_norm_kernel.h"

namespace dq::ops::cpu {

constinit const RmsNormKernels kRmsNormAvx512 = RmsNormLoops<Avx512>::kernels();

}  // namespace dq::ops::cpu
