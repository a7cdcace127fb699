#include "ops/backend.h"

#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/matrix_kernels.h"
#include "ops/ref/reference.h"

namespace dq::ops::cpu {

const Backend& backend() {
  static constexpr Backend kBackend = {
      .name = "cpu",
      .pack_linear = pack_linear,
      .pack_conv2d = pack_conv2d,
      .linear = linear,
      .linear_geglu = linear_geglu,
      .conv2d = conv2d,
      .attention = attention,
      .group_norm = group_norm,
      .layer_norm = layer_norm,
      .rms_norm = rms_norm,
      .rope = rope,
      .activate = activate,
      .combine = combine,
      .blend = blend,
      .upsample_nearest = upsample_nearest,
      .embedding = embedding,
      .copy = copy,
      .multiply = multiply,
      .geglu = geglu,
      .inverse = ref::inverse,  // matrices that small need no kernel of their own
      .accumulate = accumulate,
      .sum_rows = sum_rows,
      .conv2d_weight_gradient = conv2d_weight_gradient,
      .attention_gradient = attention_gradient,
      .group_norm_gradient = group_norm_gradient,
      .layer_norm_gradient = layer_norm_gradient,
      .rms_norm_gradient = rms_norm_gradient,
      .activate_gradient = activate_gradient,
      .geglu_gradient = geglu_gradient,
      .upsample_nearest_gradient = upsample_nearest_gradient,
      .embedding_gradient = embedding_gradient,
  };
  return kBackend;
}

}  // namespace dq::ops::cpu
