#pragma once
// y = act(x·Wᵀ + bias) + residual. Sums in f32 whatever the compute precision.
#include "ops/activation.h"
#include "ops/packed_weight.h"

namespace dq::ops {

struct LinearOptions {
  const Tensor* bias = nullptr;  // [N] f32
  Activation act = Activation::kNone;
  const Tensor* residual = nullptr;  // the shape of y, f32; added after the activation
};

// x: [..., K] f32, rows may be strided (the last dimension is contiguous); returns [..., N] f32.
Tensor linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options = {});

// GEGLU (Shazeer 2020): with x·Wᵀ + bias = [value | gate], returns value·gelu(gate).
// weight: [2N, K], bias: [2N] or null; returns [..., N] without ever storing the 2N-wide product.
Tensor linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias);

}  // namespace dq::ops
