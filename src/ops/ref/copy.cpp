#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// Bytes of a mapped file need not be aligned to their type.
template <class T>
T read(const std::byte* element) {
  T value;
  std::memcpy(&value, element, sizeof(T));
  return value;
}

template <class T>
void write(T value, std::byte* element) {
  std::memcpy(element, &value, sizeof(T));
}

}  // namespace

float load(const std::byte* element, DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return static_cast<float>(read<double>(element));
    case DType::kF32:
      return read<float>(element);
    case DType::kF16:
      return to_float(read<Half>(element));
    case DType::kBF16:
      return to_float(read<BFloat16>(element));
    case DType::kF8E4M3:
      return to_float(read<Float8E4M3>(element));
    case DType::kF8E5M2:
      return to_float(read<Float8E5M2>(element));
    case DType::kI64:
      return static_cast<float>(read<std::int64_t>(element));
    case DType::kI32:
      return static_cast<float>(read<std::int32_t>(element));
    case DType::kI16:
      return static_cast<float>(read<std::int16_t>(element));
    case DType::kI8:
      return static_cast<float>(read<std::int8_t>(element));
    case DType::kU64:
      return static_cast<float>(read<std::uint64_t>(element));
    case DType::kU32:
      return static_cast<float>(read<std::uint32_t>(element));
    case DType::kU16:
      return static_cast<float>(read<std::uint16_t>(element));
    case DType::kU8:
      return static_cast<float>(read<std::uint8_t>(element));
    case DType::kBool:
      return read<std::uint8_t>(element) != 0 ? 1.0F : 0.0F;
  }
  throw Error(ErrorCode::kInternal, "an unknown dtype");
}

void store(float value, std::byte* element, DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return write(static_cast<double>(value), element);
    case DType::kF32:
      return write(value, element);
    case DType::kF16:
      return write(to_half(value), element);
    case DType::kBF16:
      return write(to_bfloat16(value), element);
    default:
      throw Error(ErrorCode::kUnsupported, fmt::format("cannot convert to {}", to_string(dtype)));
  }
}

std::int64_t element_offset(const Tensor& x, std::int64_t flat) {
  std::int64_t offset = 0;
  for (std::size_t axis = x.shape().size(); axis-- > 0;) {
    offset += flat % x.shape()[axis] * x.strides()[axis];
    flat /= x.shape()[axis];
  }
  return offset;
}

void copy(const Tensor& x, Tensor& y) {
  const int from = size_of(x.dtype()), to = size_of(y.dtype());
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::byte* source = x.raw() + element_offset(x, i) * from;
    std::byte* target = y.raw() + element_offset(y, i) * to;
    if (x.dtype() == y.dtype())
      std::memcpy(target, source, static_cast<std::size_t>(from));
    else
      store(load(source, x.dtype()), target, y.dtype());
  }
}

}  // namespace dq::ops::ref
