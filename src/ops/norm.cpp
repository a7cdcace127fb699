#include "ops/norm.h"

#include <fmt/format.h>

#include <array>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

void check_affine(const char* op, const Affine& affine, std::int64_t channels) {
  if (affine.weight.defined()) check_vector(op, "weight", affine.weight, channels);
  if (affine.bias.defined()) check_vector(op, "bias", affine.bias, channels);
}

// Runs a norm's backward rule with room for what is asked: 0 x, 1 weight, 2 bias.
template <class Rule>
void give_norm_gradients(const Tensor& x, const Affine& affine, const Asked& to, const Rule& rule) {
  std::array<Tensor, 3> room;
  NormGradients out;
  if (to.asks(0)) out.dx = &(room[0] = Tensor::empty(x.device(), x.dtype(), x.shape()));
  if (to.asks(1)) out.dweight = &(room[1] = Tensor::zeros(x.device(), x.dtype(), affine.weight.shape()));
  if (to.asks(2)) out.dbias = &(room[2] = Tensor::zeros(x.device(), x.dtype(), affine.bias.shape()));
  if (x.count() > 0) rule(out);
  for (std::size_t i = 0; i < room.size(); ++i) {
    if (to.asks(i)) to.give(i, room[i]);
  }
}

}  // namespace

Tensor group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act) {
  constexpr const char* op = "group_norm";
  check_dense(op, "x", x, 4);
  if (groups < 1 || x.dim(3) % groups != 0) {
    bad_argument(op, fmt::format("{} groups do not divide {} channels", groups, x.dim(3)));
  }
  check_affine(op, affine, x.dim(3));
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) require(x.device().backend().group_norm, op, x.device())(x, groups, affine, eps, act, y);
  record(y, {&x, &affine.weight, &affine.bias},
         [x = x.detached(), groups, affine, eps, act](const Tensor& dy, const Asked& to) {
           const auto kernel = require(x.device().backend().group_norm_gradient, op, x.device());
           give_norm_gradients(x, affine, to, [&](const NormGradients& out) {
             kernel(x, groups, affine, eps, act, dy, out);
           });
         });
  return y;
}

Tensor layer_norm(const Tensor& x, const Affine& affine, float eps) {
  constexpr const char* op = "layer_norm";
  check_real(op, "x", x);
  if (x.rank() < 1) bad_argument(op, "x is a single number");
  check_affine(op, affine, x.dim(-1));
  const Tensor dense = contiguous(x);
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) require(x.device().backend().layer_norm, op, x.device())(dense, affine, eps, y);
  record(y, {&dense, &affine.weight, &affine.bias},
         [x = dense.detached(), affine, eps](const Tensor& dy, const Asked& to) {
           const auto kernel = require(x.device().backend().layer_norm_gradient, op, x.device());
           give_norm_gradients(x, affine, to,
                               [&](const NormGradients& out) { kernel(x, affine, eps, dy, out); });
         });
  return y;
}

}  // namespace dq::ops
