#include "weights/packed_bytes.h"

namespace dq::weights {
namespace {

std::int64_t panel_size(DType stored, Precision precision) {
  return precision == Precision::kBF16 || size_of(stored) <= 2 ? 2 : 4;
}

}  // namespace

std::int64_t packed_bytes(const TensorTable& table, Precision precision) {
  std::int64_t sum = 0;
  for (const auto& [name, entry] : table.entries()) {
    if (!is_floating(entry.dtype)) continue;
    std::int64_t count = 1;
    for (const std::int64_t size : entry.shape) count *= size;
    sum += count * (entry.shape.size() >= 2 ? panel_size(entry.dtype, precision) : 4);
  }
  return sum;
}

}  // namespace dq::weights
