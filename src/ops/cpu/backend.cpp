#include "ops/backend.h"

#include "ops/cpu/cpu_device.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/matrix_kernels.h"

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
      .activate = activate,
      .combine = combine,
      .blend = blend,
      .upsample_nearest = upsample_nearest,
      .embedding = embedding,
      .copy = copy,
      .conv2d_weight_gradient = conv2d_weight_gradient,
  };
  return kBackend;
}

}  // namespace dq::ops::cpu
