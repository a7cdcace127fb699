#pragma once
// Arithmetic on numbers that come from files or people. It fails, it never wraps.
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace dq {

// a·b, a+b, a−b in 64 bits; throws kBadFile naming `what` when the result does not fit.
inline std::uint64_t checked_mul(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw Error(ErrorCode::kBadFile, std::string(what) + " overflows 64 bits");
  }
  return result;
}

inline std::uint64_t checked_add(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) {
    throw Error(ErrorCode::kBadFile, std::string(what) + " overflows 64 bits");
  }
  return result;
}

inline std::uint64_t checked_sub(std::uint64_t a, std::uint64_t b, const char* what) {
  if (b > a) throw Error(ErrorCode::kBadFile, std::string(what) + " is negative");
  return a - b;
}

// The value as another integer type; throws kBadFile when it does not fit.
template <class To, class From>
To checked_cast(From value, const char* what) {
  const To result = static_cast<To>(value);
  if (static_cast<From>(result) != value || (result < To{}) != (value < From{})) {
    throw Error(ErrorCode::kBadFile, std::string(what) + " is out of range");
  }
  return result;
}

// The number of elements of a shape; throws kBadFile on a negative size or overflow.
inline std::uint64_t checked_product(std::span<const std::int64_t> shape, const char* what) {
  std::uint64_t product = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw Error(ErrorCode::kBadFile, std::string(what) + " has a negative size");
    product = checked_mul(product, static_cast<std::uint64_t>(size), what);
  }
  return product;
}

}  // namespace dq
