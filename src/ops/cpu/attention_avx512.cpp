#include "ops/cpu/attention_kernel.h"

namespace dq::ops::cpu {

constinit const AttentionKernels kAttentionAvx512 = Attention<F32Products<Avx512>>::kernels();

}  // namespace dq::ops::cpu
