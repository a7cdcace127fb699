#include "ops/upsample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/gradient.h"

namespace dq::ops {

Tensor upsample_nearest(const Tensor& x, std::int64_t height, std::int64_t width) {
  constexpr const char* op = "upsample_nearest";
  check_dense(op, "x", x, 4);
  if (height < 1 || width < 1 || x.dim(1) < 1 || x.dim(2) < 1) {
    bad_argument(op, fmt::format("from shape {} to {}×{}", to_string(x.shape()), height, width));
  }
  Tensor y = Tensor::empty(x.device(), x.dtype(), {x.dim(0), height, width, x.dim(3)});
  if (y.count() > 0) require(x.device().backend().upsample_nearest, op, x.device())(x, y);
  record(y, {&x}, [shape = x.shape()](const Tensor& dy, const Asked& to) {
    Tensor dx = Tensor::zeros(dy.device(), dy.dtype(), shape);
    if (dy.count() > 0) require(dy.device().backend().upsample_nearest_gradient, op, dy.device())(dy, dx);
    to.give(0, dx);
  });
  return y;
}

std::int64_t nearest_source(std::int64_t i, std::int64_t in, std::int64_t out) {
  if (out == in) return i;
  if (out == 2 * in) return i / 2;
  const float ratio = static_cast<float>(in) / static_cast<float>(out);
  return std::min(static_cast<std::int64_t>(std::floor(static_cast<float>(i) * ratio)), in - 1);
}

}  // namespace dq::ops
