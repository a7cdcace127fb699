#include "ops/cpu/attention_gradient_tile_kernel.h"
#include "ops/cpu/attention_kernel.h"
#include "ops/cpu/attention_tile_kernel.h"

namespace dq::ops::cpu {

constinit const AttentionKernels kAttentionAvx2 = Attention<F32Products<Avx2>>::kernels();
constinit const AttentionKernels kAttentionEmulated512 = Attention<F32Products<Emulated512>>::kernels();
constinit const AttentionKernels kAttentionEmulated512Bf16 = Attention<Bf16Products<Emulated512>>::kernels();
constinit const AttentionKernels kAttentionEmulatedAmx =
    TileAttention<Emulated512, EmulatedTiles::Session>::kernels();
constinit const AttentionGradientKernels kAttentionGradientEmulatedAmx =
    TileAttentionGradient<Emulated512, EmulatedTiles, EmulatedTiles::Session>::kernels();

}  // namespace dq::ops::cpu
