#pragma once
// The entries of the CPU table that multiply matrices.
#include "ops/backend.h"

namespace dq::ops::cpu {

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute);
PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute);
void linear(const LinearProduct& product, const LinearProduct* beside, const LinearOptions& options,
            Tensor& y);
void linear_geglu(const LinearProduct& product, const LinearProduct* beside, const Tensor* bias, Tensor& y);
void conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options, Tensor& y);
void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, Tensor& dw);

}  // namespace dq::ops::cpu
