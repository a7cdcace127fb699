#pragma once
// Two-dimensional convolution (cross-correlation, as in PyTorch) over channels-last images.
#include "ops/activation.h"
#include "ops/packed_weight.h"

namespace dq::ops {

struct Conv2dOptions {
  const Tensor* bias = nullptr;  // [Cout] f32
  int stride = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;  // zeros
  const Tensor* per_image = nullptr;  // [N, Cout] f32, added to every pixel (a time embedding)
  const Tensor* residual = nullptr;   // the shape of y, f32, added last
  bool upsample_input = false;        // read x as if nearest-upsampled ×2, without storing it
};

// x: [N, H, W, Cin] f32 contiguous; returns [N, H', W', Cout] f32 with
// H' = (H·(upsample_input ? 2 : 1) + pad_top + pad_bottom − kernel_h)/stride + 1, W' alike.
Tensor conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options);

}  // namespace dq::ops
