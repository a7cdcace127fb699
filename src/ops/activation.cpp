#include "ops/activation.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/gradient.h"

namespace dq::ops {

Tensor activate(const Tensor& x, Activation act) {
  constexpr const char* op = "activate";
  check_real(op, "x", x);
  const Tensor dense = contiguous(x);
  if (act == Activation::kNone) return dense;
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) require(x.device().backend().activate, op, x.device())(dense, act, y);
  record(y, {&dense}, [dense = dense.detached(), act](const Tensor& dy, const Asked& to) {
    Tensor dx = Tensor::empty(dy.device(), dy.dtype(), dy.shape());
    if (dx.count() > 0) {
      require(dy.device().backend().activate_gradient, "activate", dy.device())(dense, act, dy, dx);
    }
    to.give(0, dx);
  });
  return y;
}

Tensor geglu(const Tensor& x) {
  constexpr const char* op = "geglu";
  check_dense(op, "x", x);
  if (x.rank() < 1 || x.dim(-1) % 2 != 0)
    bad_argument(op, fmt::format("x has shape {}", to_string(x.shape())));
  Shape shape = x.shape();
  shape.back() /= 2;
  Tensor y = Tensor::empty(x.device(), x.dtype(), shape);
  if (y.count() > 0) require(x.device().backend().geglu, op, x.device())(x, y);
  record(y, {&x}, [x = x.detached()](const Tensor& dy, const Asked& to) {
    Tensor dx = Tensor::empty(x.device(), x.dtype(), x.shape());
    if (dx.count() > 0) require(x.device().backend().geglu_gradient, op, x.device())(x, dy, dx);
    to.give(0, dx);
  });
  return y;
}

}  // namespace dq::ops
