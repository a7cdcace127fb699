#include "ops/ref/reference.h"

namespace dq::ops::ref {

void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y) {
  Tensor rest = y;
  for (const std::int32_t id : ids) {
    Tensor row = rest.slice(0, 0, 1);
    copy(table.slice(0, id, id + 1), row);
    rest = rest.slice(0, 1, rest.dim(0));
  }
}

void embedding_gradient(const Tensor& dy, std::span<const std::int32_t> ids, Tensor& dtable) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto from = static_cast<std::int64_t>(i);
    Tensor row = dtable.slice(0, ids[i], ids[i] + 1);
    accumulate(dy.slice(0, from, from + 1), row);
  }
}

}  // namespace dq::ops::ref
