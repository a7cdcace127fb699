#pragma once
// Normalisations. Statistics in f32 (two passes) whatever the dtype of x.
#include "ops/activation.h"

namespace dq::ops {

struct Affine {
  Tensor weight, bias;  // [C] f32; either may be undefined: then 1 and 0
};

// y = act((x − mean_g)/sqrt(var_g + eps)·weight + bias) (Wu & He 2018).
// x: [N, H, W, C] f32 contiguous, `groups` divides C.
Tensor group_norm(const Tensor& x, int groups, const Affine& affine, float eps,
                  Activation act = Activation::kNone);

// y = (x − mean)/sqrt(var + eps)·weight + bias over the last dimension (Ba et al. 2016). x: [..., C] f32.
Tensor layer_norm(const Tensor& x, const Affine& affine, float eps);

}  // namespace dq::ops
