#include "ops/cpu/rms_norm_kernel.h"

namespace dq::ops::cpu {

constinit const RmsNormKernels kRmsNormAvx2 = RmsNormLoops<Avx2>::kernels();
constinit const RmsNormKernels kRmsNormEmulated512 = RmsNormLoops<Emulated512>::kernels();

}  // namespace dq::ops::cpu
