#include "tensor/dtype.h"

namespace dq {
namespace {

// A small float with `kExp` exponent and `kMan` mantissa bits, IEEE-like subnormals, as float.
template <int kExp, int kMan>
float small_to_float(std::uint32_t bits) {
  constexpr std::uint32_t kManMask = (1u << kMan) - 1;
  constexpr std::uint32_t kExpMask = (1u << kExp) - 1;
  constexpr int kBias = (1 << (kExp - 1)) - 1;
  const std::uint32_t sign = (bits >> (kExp + kMan)) << 31;
  std::uint32_t exponent = (bits >> kMan) & kExpMask;
  std::uint32_t mantissa = bits & kManMask;
  if (exponent == kExpMask) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << (23 - kMan)));
  if (exponent == 0) {
    if (mantissa == 0) return std::bit_cast<float>(sign);
    const float magnitude =
        static_cast<float>(mantissa) * std::bit_cast<float>((127u + 1u - kBias - kMan) << 23);
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 127u - kBias) << 23) | (mantissa << (23 - kMan)));
}

}  // namespace

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "F64";
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kF8E4M3:
      return "F8_E4M3";
    case DType::kF8E5M2:
      return "F8_E5M2";
    case DType::kI64:
      return "I64";
    case DType::kI32:
      return "I32";
    case DType::kI16:
      return "I16";
    case DType::kI8:
      return "I8";
    case DType::kU64:
      return "U64";
    case DType::kU32:
      return "U32";
    case DType::kU16:
      return "U16";
    case DType::kU8:
      return "U8";
    case DType::kBool:
      return "BOOL";
  }
  return "?";
}

bool is_floating(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         dtype == DType::kF8E4M3 || dtype == DType::kF8E5M2;
}

float to_float(Half h) {
  return small_to_float<5, 10>(h.bits);
}
float to_float(Float8E5M2 v) {
  return small_to_float<5, 2>(v.bits);
}

float to_float(Float8E4M3 v) {
  if ((v.bits & 0x7f) == 0x7f)
    return std::bit_cast<float>(0x7fc00000u | (static_cast<std::uint32_t>(v.bits >> 7) << 31));
  if ((v.bits & 0x78) != 0x78) return small_to_float<4, 3>(v.bits);
  // The top exponent holds ordinary numbers: 256 … 448.
  const float magnitude = 256.0f + 32.0f * static_cast<float>(v.bits & 7);
  return (v.bits & 0x80) ? -magnitude : magnitude;
}

Half to_half(float v) {
  const auto u = std::bit_cast<std::uint32_t>(v);
  const auto sign = static_cast<std::uint16_t>((u >> 16) & 0x8000u);
  const std::uint32_t magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 lines the rounding position up with the last bit of a float.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0x0fffu + ((magnitude >> 13) & 1u);
  return {static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

}  // namespace dq
