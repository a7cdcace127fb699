#pragma once
// Pointwise non-linearities, alone or fused behind another op.
#include "tensor/tensor.h"

namespace dq::ops {

enum class Activation : std::uint8_t {
  kNone,
  kSilu,       // x·sigmoid(x)
  kGelu,       // x·Φ(x), with erf (Hendrycks & Gimpel 2016)
  kGeluTanh,   // the tanh approximation of the same
  kQuickGelu,  // x·sigmoid(1.702·x), as CLIP ViT-L has it
};

// y = act(x), x: any shape, f32.
Tensor activate(const Tensor& x, Activation act);

// x = [value | gate] on the last dimension, 2N wide: value·gelu(gate), N wide (Shazeer 2020). f32. Painting
// uses linear_geglu (ops/linear.h), which never stores x.
Tensor geglu(const Tensor& x);

}  // namespace dq::ops
