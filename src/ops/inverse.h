#pragma once
// Inverses of small square matrices, as orthogonal adapters need them (Cayley's transform).
#include "tensor/tensor.h"

namespace dq::ops {

// x: [N, n, n] → the inverse of each, [N, n, n], by elimination with row exchanges in f64. Throws
// kInvalidArgument for a matrix that has none. dL/dx = −x⁻ᵀ·dy·x⁻ᵀ.
Tensor inverse(const Tensor& x);

}  // namespace dq::ops
