#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/kernels.h"

namespace dq::ops::cpu {

void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y) {
  const std::int64_t width = table.dim(1), row_bytes = width * size_of(table.dtype());
  std::byte* out = y.raw();
  for (const std::int32_t id : ids) {
    convert_row(table.raw() + id * row_bytes, table.dtype(), out, DType::kF32, width);
    out += width * static_cast<std::int64_t>(sizeof(float));
  }
}

}  // namespace dq::ops::cpu
