#include "weights/residency.h"

#include <algorithm>

namespace dq::weights {

Residency::Residency(const TensorTable& table, Precision precision, std::int64_t resident) {
  const MatrixBytes bytes = matrix_bytes(table, precision);
  const auto share = [](std::int64_t may_stay, std::int64_t of) {
    return of <= may_stay
               ? 1.0
               : static_cast<double>(std::max<std::int64_t>(may_stay, 0)) / static_cast<double>(of);
  };
  kernels_.share = share(resident, bytes.kernels.packed);
  matrices_.share = share(resident - bytes.kernels.packed, bytes.matrices.packed);
}

bool Residency::keeps(std::span<const files::TensorEntry> entries, Precision precision) {
  std::int64_t bytes = 0;
  for (const files::TensorEntry& entry : entries) bytes += packed_bytes(entry, precision);
  Kind& kind = is_kernel(entries[0].shape) ? kernels_ : matrices_;
  kind.seen += bytes;
  const bool keep = static_cast<double>(kind.kept + bytes) <= kind.share * static_cast<double>(kind.seen);
  if (keep) kind.kept += bytes;
  return keep;
}

}  // namespace dq::weights
