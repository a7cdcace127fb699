#include "ops/cpu/attention_kernel.h"

namespace dq::ops::cpu {

constinit const AttentionKernels kAttentionAvx512Bf16 = Attention<Bf16Products<Avx512Bf16>>::kernels();

}  // namespace dq::ops::cpu
