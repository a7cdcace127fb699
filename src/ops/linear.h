#pragma once
// y = act(x·Wᵀ + (x·downᵀ)·upᵀ + bias) + residual. Sums in f32 whatever the compute precision.
#include "ops/activation.h"
#include "ops/packed_weight.h"

namespace dq::ops {

// Two narrow matrices beside a wide one (LoRA, Hu et al. 2021), in one pass with it: what they give is never
// stored at the width of the result, neither here nor on the way back.
struct LowRank {
  Tensor down;  // [R, K] f32; both may ask for a gradient
  Tensor up;    // [N, R] f32

  bool defined() const { return down.defined(); }
};

// Up to this R there is one pass; a wider pair takes a second one.
inline constexpr std::int64_t kMostBeside = 128;

struct LinearOptions {
  const Tensor* bias = nullptr;  // [N] f32
  Activation act = Activation::kNone;
  const Tensor* residual = nullptr;  // the shape of y, f32; added after the activation
  LowRank low_rank = {};             // undefined: none
};

// x: [..., K] f32, rows may be strided (the last dimension is contiguous); returns [..., N] f32.
Tensor linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options = {});

// GEGLU (Shazeer 2020): with x·Wᵀ (+ low rank) + bias = [value | gate], returns value·gelu(gate).
// weight: [2N, K], bias: [2N] or null; returns [..., N] without ever storing the 2N-wide product.
Tensor linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias,
                    const LowRank& low_rank = {});

}  // namespace dq::ops
