#pragma once
// The entries of the CPU table other than matrix products and convolutions.
#include "ops/backend.h"

namespace dq::ops::cpu {

void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options, Tensor& y,
               Tensor* log_sums);
void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y);
void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y);
void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor& y);
void rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form, bool inverse, Tensor& y);
void activate(const Tensor& x, Activation act, Tensor& y);
void combine(std::span<const Term> terms, Tensor& y);
void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out);
void upsample_nearest(const Tensor& x, Tensor& y);
void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y);
void copy(const Tensor& x, Tensor& y);

}  // namespace dq::ops::cpu
