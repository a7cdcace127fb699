#pragma once
// y = x/√(mean(x²) + eps)·weight over the last dimension (Zhang & Sennrich 2019).
#include "tensor/tensor.h"

namespace dq::ops {

// x: [..., C] f32, any strides; weight: [C], or undefined: then 1.
Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps);

}  // namespace dq::ops
