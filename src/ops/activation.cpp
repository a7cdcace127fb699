#include "ops/activation.h"

#include "ops/backend.h"
#include "ops/check.h"

namespace dq::ops {

Tensor activate(const Tensor& x, Activation act) {
  constexpr const char* op = "activate";
  check_f32(op, "x", x);
  const Tensor dense = contiguous(x);
  if (act == Activation::kNone) return dense;
  Tensor y = Tensor::empty(x.device(), DType::kF32, x.shape());
  if (y.count() > 0) require(x.device().backend().activate, op, x.device())(dense, act, y);
  return y;
}

}  // namespace dq::ops
