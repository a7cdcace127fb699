#include "weights/packed_bytes.h"

#include <algorithm>

namespace dq::weights {
namespace {

std::int64_t panel_size(DType stored, Precision precision) {
  return precision == Precision::kBF16 || size_of(stored) <= 2 ? 2 : 4;
}

}  // namespace

bool is_kernel(const Shape& shape) {
  return shape.size() > 2 && element_count(shape) != shape[0] * shape[1];
}

std::int64_t packed_bytes(const files::TensorEntry& entry, Precision precision) {
  if (!is_floating(entry.dtype)) return 0;
  return element_count(entry.shape) * (entry.shape.size() >= 2 ? panel_size(entry.dtype, precision) : 4);
}

std::int64_t numbers(const TensorTable& table) {
  std::int64_t sum = 0;
  for (const auto& [name, entry] : table.entries()) sum += element_count(entry.shape);
  return sum;
}

std::int64_t packed_bytes(const TensorTable& table, Precision precision) {
  std::int64_t sum = 0;
  for (const auto& [name, entry] : table.entries()) sum += packed_bytes(entry, precision);
  return sum;
}

MatrixBytes matrix_bytes(const TensorTable& table, Precision precision) {
  MatrixBytes out;
  for (const auto& [name, entry] : table.entries()) {
    if (entry.shape.size() < 2) continue;
    const std::int64_t bytes = packed_bytes(entry, precision);
    MatrixBytes::Kind& kind = is_kernel(entry.shape) ? out.kernels : out.matrices;
    kind.packed += bytes;
    kind.at_use = std::max(kind.at_use, bytes + static_cast<std::int64_t>(entry.bytes));
  }
  return out;
}

}  // namespace dq::weights
