#include "models/recognised/numbers.h"

#include <cstring>
#include <limits>

namespace dq::models::recognised {
namespace {

template <class Stored>
float as_float(const std::byte* p) {
  Stored value;
  std::memcpy(&value, p, sizeof value);
  if constexpr (std::is_arithmetic_v<Stored>) {
    return static_cast<float>(value);
  } else {
    return to_float(value);
  }
}

float read_one(const std::byte* p, DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return as_float<double>(p);
    case DType::kF32:
      return as_float<float>(p);
    case DType::kF16:
      return as_float<Half>(p);
    case DType::kBF16:
      return as_float<BFloat16>(p);
    case DType::kF8E4M3:
      return as_float<Float8E4M3>(p);
    case DType::kF8E5M2:
      return as_float<Float8E5M2>(p);
    default:
      return std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

std::vector<float> read_numbers(const files::TensorEntry& entry, std::size_t limit) {
  const std::uint64_t count = elements_of(entry.shape);
  if (!entry.file || !is_floating(entry.dtype) || count == 0 || count > limit) return {};
  const auto width = static_cast<std::uint64_t>(size_of(entry.dtype));
  const Bytes bytes = entry.file->bytes();
  if (entry.bytes != count * width || entry.offset > bytes.size() ||
      bytes.size() - entry.offset < entry.bytes) {
    return {};
  }
  entry.file->check_not_truncated();
  std::vector<float> out;
  out.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    out.push_back(read_one(bytes.data() + entry.offset + i * width, entry.dtype));
  }
  return out;
}

std::uint64_t elements_of(std::span<const std::int64_t> shape) {
  std::uint64_t count = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count)) {
      return std::numeric_limits<std::uint64_t>::max();
    }
  }
  return count;
}

}  // namespace dq::models::recognised
