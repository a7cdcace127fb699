#include "tensor/device.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace dq {

std::shared_ptr<std::byte> Device::allocate(std::uint64_t bytes) {
  if (memory_bound_ > 0) {
    const std::int64_t now = memory().now;
    const auto left = static_cast<std::uint64_t>(std::max<std::int64_t>(memory_bound_ - now, 0));
    if (bytes > left) throw_no_memory(bytes, fmt::format(": {} of {} are in use", now, memory_bound_));
  }
  return allocate_block(bytes);
}

void throw_no_memory(std::uint64_t bytes, std::string_view use) {
  throw Error(ErrorCode::kOutOfMemory, fmt::format("no memory for a tensor of {} bytes{}", bytes, use))
      .hint("Ask for a smaller picture or a smaller batch, or close other programs.");
}

}  // namespace dq
