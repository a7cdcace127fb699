#include "ops/rope.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

constexpr const char* kOp = "rope";

void check_table(const char* name, const Tensor& table, const Tensor& x, std::int64_t half) {
  check_dense(kOp, name, table);
  const std::int64_t n = x.dim(0), t = x.dim(1);
  if (table.shape() == Shape{t, half} || table.shape() == Shape{n, t, half}) return;
  bad_argument(kOp, fmt::format("{} has shape {}, not [{}, {}] or [{}, {}, {}]", name,
                                to_string(table.shape()), t, half, n, t, half));
}

// A rotation's transpose is the rotation back: the way back is the same op with the angles turned round.
Tensor rotate(const Tensor& x, const RopeTables& tables, int heads, RopeForm form, bool inverse) {
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (y.count() > 0) {
    require(x.device().backend().rope, kOp, x.device())(x, tables, heads, form, inverse, y);
  }
  return y;
}

}  // namespace

Tensor rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form) {
  check_real(kOp, "x", x, 3);
  if (heads < 1 || x.dim(2) % (2 * heads) != 0) {
    bad_argument(kOp, fmt::format("{} heads of pairs do not divide a width of {}", heads, x.dim(2)));
  }
  const std::int64_t half = x.dim(2) / heads / 2;
  check_table("cos", tables.cos, x, half);
  check_table("sin", tables.sin, x, half);
  if (tables.cos.shape() != tables.sin.shape()) bad_argument(kOp, "cos and sin have different shapes");
  refuse_gradient("the angle of rope", {&tables.cos, &tables.sin});
  const Tensor rows = x.dim(2) == 0 || x.strides().back() == 1 ? x : contiguous(x);
  Tensor y = rotate(rows, tables, heads, form, false);
  record(y, {&rows}, [tables, heads, form](const Tensor& dy, const Asked& to) {
    to.give(0, rotate(dy, tables, heads, form, true));
  });
  return y;
}

}  // namespace dq::ops
