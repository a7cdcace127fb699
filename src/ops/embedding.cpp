#include "ops/embedding.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::ops {

Tensor embedding(const Tensor& table, std::span<const std::int32_t> ids) {
  constexpr const char* op = "embedding";
  if (table.rank() != 2) bad_argument(op, fmt::format("the table has shape {}", to_string(table.shape())));
  const DType dtype = table.dtype();
  const bool f64 = dtype == DType::kF64 && table.device().backend().takes_f64;
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16 && !f64) {
    bad_argument(op, fmt::format("the table is {}, not F32, F16 or BF16", to_string(dtype)));
  }
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= table.dim(0)) bad_argument(op, fmt::format("row {} of {}", id, table.dim(0)));
  }
  Tensor y = Tensor::empty(table.device(), f64 ? DType::kF64 : DType::kF32,
                           {static_cast<std::int64_t>(ids.size()), table.dim(1)});
  const Tensor dense = contiguous(table);
  if (y.count() > 0) require(table.device().backend().embedding, op, table.device())(dense, ids, y);
  record(
      y, {&table},
      [shape = table.shape(), rows = std::vector(ids.begin(), ids.end())](const Tensor& dy, const Asked& to) {
        Tensor dtable = Tensor::zeros(dy.device(), dy.dtype(), shape);
        if (dy.count() > 0) {
          require(dy.device().backend().embedding_gradient, op, dy.device())(dy, rows, dtable);
        }
        to.give(0, dtable);
      });
  return y;
}

}  // namespace dq::ops
