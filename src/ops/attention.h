#pragma once
// softmax(scale·Q·Kᵀ + mask)·V (Vaswani et al. 2017), tiled with a running softmax (Dao et al. 2022; Rabe &
// Staats 2021): no Tq×Tk matrix is ever stored.
#include "tensor/tensor.h"

namespace dq::ops {

struct AttentionOptions {
  int heads = 1;
  float scale = 0;      // 0 means head_dim^-0.5
  bool causal = false;  // query i sees keys 0 … i
  const Tensor* bias =
      nullptr;  // [N or 1, heads or 1, Tq, Tk] f32, added to the scaled logits; may hold -inf
};

// q: [N, Tq, heads·D], k: [N, Tk, heads·D], v: [N, Tk, heads·Dv], f32. Rows may be strided (slices of a fused
// projection). Heads are interleaved as PyTorch's `view(N, T, heads, D)` has them. Returns [N, Tq, heads·Dv].
// A row whose keys are all masked (−inf) is zero, not NaN. NaN in a logit makes its row NaN.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

}  // namespace dq::ops
