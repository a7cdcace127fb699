#include "ops/ref/reference.h"

namespace dq::ops::ref {

const Backend kBackend = {
    .name = "ref",
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

}  // namespace dq::ops::ref
