#pragma once
// The naive truth: plain loops, sums in double, one thread. Written to be read, not to be fast.
#include "ops/backend.h"

namespace dq::ops::ref {

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute);
PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute);
void linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options, Tensor& y);
void linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias, Tensor& y);
void conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options, Tensor& y);
void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options, Tensor& y);
void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y);
void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y);
void activate(const Tensor& x, Activation act, Tensor& y);
void combine(std::span<const Term> terms, Tensor& y);
void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out);
void upsample_nearest(const Tensor& x, Tensor& y);
void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y);
void copy(const Tensor& x, Tensor& y);
void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, Tensor& dw);

// act(x) of one number.
double apply(Activation act, double x);

// Any element type as f32 (integers and f64 rounded to nearest), and back to a floating type.
float load(const std::byte* element, DType dtype);
void store(float value, std::byte* element, DType dtype);

// Elements between the first of x and its `flat`-th in the order of its indices, whatever its strides.
std::int64_t element_offset(const Tensor& x, std::int64_t flat);

// The entries above (ops/ref/backend.cpp).
extern const Backend kBackend;

}  // namespace dq::ops::ref
