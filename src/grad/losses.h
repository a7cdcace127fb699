#pragma once
// How far a prediction is from its target, and the way back. A loss ends the forward pass, so it is no
// recorded op: value and gradient come from one pass.
#include <vector>

#include "tensor/tensor.h"

namespace dq::grad {

// Of one difference d. The last two are quadratic near 0 and linear far away, as trainers of diffusion models
// have them (Charbonnier et al. 1994; "pseudo-Huber", Song & Dhariwal 2023); c says where near ends.
enum class LossKind : std::uint8_t {
  kMse,       // d²
  kHuber,     // 2c·(√(d² + c²) − c)
  kSmoothL1,  // 2·(√(d² + c²) − c)
};

struct LossOptions {
  LossKind kind = LossKind::kMse;
  std::vector<double> c = {0.1};     // > 0; one for all samples, or one a sample
  std::vector<double> weights = {};  // one a sample; empty: 1
  // Each size that of the prediction, or 1; the numbers it holds weigh the elements. Null: all count.
  const Tensor* mask = nullptr;
};

struct LossAndGradient {
  double value = 0;
  Tensor gradient;  // with respect to the prediction, of its shape and dtype
};

// The mean over all elements (masked ones too) of weight·mask·loss(prediction − target). prediction, target:
// [N, …] f32 (or f64, on devices that take it), host memory, any strides. Summed in double, in order. Throws
// kInvalidArgument for shapes, counts or a c that do not fit.
LossAndGradient loss(const Tensor& prediction, const Tensor& target, const LossOptions& options = {});

// The mean over rows of −log softmax(row)[its class]. logits: [N, K] f32 (or f64, on devices that take it),
// contiguous host memory; classes: N numbers from 0 to K − 1. Throws kInvalidArgument for others.
LossAndGradient cross_entropy(const Tensor& logits, const std::vector<int>& classes);

}  // namespace dq::grad
