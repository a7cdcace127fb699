#include "ops/rms_norm.h"

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::ops {

Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) {
  constexpr const char* op = "rms_norm";
  check_real(op, "x", x);
  if (x.rank() < 1) bad_argument(op, "x is a single number");
  if (weight.defined()) check_vector(op, "weight", weight, x.dim(-1));
  const Tensor dense = contiguous(x);
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) require(x.device().backend().rms_norm, op, x.device())(dense, weight, eps, y);
  record(y, {&dense, &weight},
         [x = dense.detached(), weight = weight.detached(), eps](const Tensor& dy, const Asked& to) {
           Tensor dx, dweight;
           NormGradients out;
           if (to.asks(0)) out.dx = &(dx = Tensor::empty(x.device(), x.dtype(), x.shape()));
           if (to.asks(1)) out.dweight = &(dweight = Tensor::zeros(x.device(), x.dtype(), weight.shape()));
           if (x.count() > 0) {
             require(x.device().backend().rms_norm_gradient, op, x.device())(x, weight, eps, dy, out);
           }
           if (to.asks(0)) to.give(0, dx);
           if (to.asks(1)) to.give(1, dweight);
         });
  return y;
}

}  // namespace dq::ops
