#pragma once
// A setting that must lie between two numbers.
#include <fmt/format.h>

#include "base/error.h"

namespace dq {

// Throws kInvalidArgument naming the option, its range and the value; NaN lies in no range.
template <class T>
void check_range(const char* option, T value, T low, T high) {
  if (value >= low && value <= high) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} must be from {} to {}, not {}", option, low, high, value));
}

}  // namespace dq
