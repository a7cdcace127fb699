#include "ops/cpu/attention_gradient_tile_kernel.h"
#include "ops/cpu/attention_tile_kernel.h"
#include "ops/cpu/tiles_amx.h"

namespace dq::ops::cpu {

constinit const AttentionKernels kAttentionAmx = TileAttention<Avx512Bf16, TileSession>::kernels();
constinit const AttentionGradientKernels kAttentionGradientAmx =
    TileAttentionGradient<Avx512Bf16, AmxTiles, TileSession>::kernels();

}  // namespace dq::ops::cpu
