#pragma once
// The entries of the CPU table for the way back, other than convolutions.
#include "ops/backend.h"

namespace dq::ops::cpu {

void accumulate(const Tensor& x, Tensor& y);
void multiply(const Tensor& a, const Tensor& b, Tensor& y);
void sum_rows(const Tensor& x, Tensor& y);
void activate_gradient(const Tensor& x, Activation act, const Tensor& dy, Tensor& dx);
void geglu(const Tensor& x, Tensor& y);
void geglu_gradient(const Tensor& x, const Tensor& dy, Tensor& dx);
void upsample_nearest_gradient(const Tensor& dy, Tensor& dx);
void embedding_gradient(const Tensor& dy, std::span<const std::int32_t> ids, Tensor& dtable);
void group_norm_gradient(const Tensor& x, int groups, const Affine& affine, float eps, Activation act,
                         const Tensor& dy, const NormGradients& out);
void layer_norm_gradient(const Tensor& x, const Affine& affine, float eps, const Tensor& dy,
                         const NormGradients& out);
void rms_norm_gradient(const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                       const NormGradients& out);
void attention_gradient(const AttentionSaved& saved, const Tensor& dy, const AttentionOptions& options,
                        Tensor& dq, Tensor& dk, Tensor& dv);

}  // namespace dq::ops::cpu
