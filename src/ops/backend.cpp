#include "ops/backend.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dq::ops {

void missing_op(const char* op, const Device& device) {
  throw Error(ErrorCode::kUnsupported, fmt::format("{} cannot be computed on {}", op, device.name()))
      .hint("Choose another device.");
}

}  // namespace dq::ops
