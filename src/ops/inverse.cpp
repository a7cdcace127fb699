#include "ops/inverse.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "ops/linear.h"

namespace dq::ops {
namespace {

constexpr const char* kOp = "inverse";

// a·bᵀ of matrices.
Tensor product_turned(const Tensor& a, const Tensor& b) {
  const auto pack = require(a.device().backend().pack_linear, kOp, a.device());
  return linear(a, pack(a.device(), b, Precision::kF32));
}

// −yᵀ·dy·yᵀ, a matrix at a time.
Tensor way_back(const Tensor& y, const Tensor& dy) {
  const std::int64_t side = y.dim(1);
  std::vector<Tensor> shares;
  for (std::int64_t i = 0; i < y.dim(0); ++i) {
    const Tensor one = y.slice(0, i, i + 1).reshape({side, side}),
                 step = dy.slice(0, i, i + 1).reshape({side, side});
    // yᵀ·dy·yᵀ = yᵀ·(y·dyᵀ)ᵀ, and linear() multiplies by a transpose.
    const Tensor turned = contiguous(one.permute({1, 0}));
    const Tensor share = product_turned(turned, product_turned(one, step));
    shares.push_back(combine({{-1, &share}}).reshape({1, side, side}));
  }
  return concat(shares, 0);
}

}  // namespace

Tensor inverse(const Tensor& x) {
  check_dense(kOp, "x", x, 3);
  if (x.dim(1) != x.dim(2)) {
    bad_argument(kOp, fmt::format("x has shape {}, which holds no square matrices", to_string(x.shape())));
  }
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) require(x.device().backend().inverse, kOp, x.device())(x, y);
  record(y, {&x}, [kept = y.detached()](const Tensor& dy, const Asked& to) {
    to.give(0, way_back(kept, contiguous(dy)));
  });
  return y;
}

}  // namespace dq::ops
