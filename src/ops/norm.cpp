#include "ops/norm.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"

namespace dq::ops {
namespace {

void check_affine(const char* op, const Affine& affine, std::int64_t channels) {
  if (affine.weight.defined()) check_vector(op, "weight", affine.weight, channels);
  if (affine.bias.defined()) check_vector(op, "bias", affine.bias, channels);
}

}  // namespace

Tensor group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act) {
  constexpr const char* op = "group_norm";
  check_dense(op, "x", x, 4);
  if (groups < 1 || x.dim(3) % groups != 0) {
    bad_argument(op, fmt::format("{} groups do not divide {} channels", groups, x.dim(3)));
  }
  check_affine(op, affine, x.dim(3));
  Tensor y = Tensor::empty(x.device(), DType::kF32, x.shape());
  if (y.count() > 0) require(x.device().backend().group_norm, op, x.device())(x, groups, affine, eps, act, y);
  return y;
}

Tensor layer_norm(const Tensor& x, const Affine& affine, float eps) {
  constexpr const char* op = "layer_norm";
  check_f32(op, "x", x);
  if (x.rank() < 1) bad_argument(op, "x is a single number");
  check_affine(op, affine, x.dim(-1));
  const Tensor dense = contiguous(x);
  Tensor y = Tensor::empty(x.device(), DType::kF32, x.shape());
  if (y.count() > 0) require(x.device().backend().layer_norm, op, x.device())(dense, affine, eps, y);
  return y;
}

}  // namespace dq::ops
