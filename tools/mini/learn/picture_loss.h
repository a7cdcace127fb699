#pragma once
// How far a picture is from another to the eye of the autoencoder's training: absolute differences of the
// pixels and of their slopes, at two scales, so that edges stay sharp without a second network.
#include "tensor/tensor.h"

namespace dq::mini {

struct PictureLoss {
  double value = 0;
  Tensor gradient;  // with respect to `made`
};

// made, wanted: [N, H, W, C] f32, H and W even. With |d| = √(d² + 0.01²) − 0.01 and D the differences to the
// right and below: mean|made − wanted| + ½·mean|D(made − wanted)| on the pictures, and half of the same on
// their 2×2 means.
PictureLoss picture_loss(const Tensor& made, const Tensor& wanted);

}  // namespace dq::mini
