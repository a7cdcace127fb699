#include "ops/ref/reference.h"

namespace dq::ops::ref {

void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y) {
  const std::int64_t width = table.dim(1);
  float* out = y.data<float>();
  for (const std::int32_t id : ids) {
    for (std::int64_t d = 0; d < width; ++d) {
      *out++ = load(table.raw() + (id * width + d) * size_of(table.dtype()), table.dtype());
    }
  }
}

}  // namespace dq::ops::ref
