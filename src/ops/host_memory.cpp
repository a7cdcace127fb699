#include "ops/host_memory.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace dq::ops {

std::shared_ptr<std::byte> HostMemory::allocate(std::uint64_t bytes) {
  constexpr std::uint64_t alignment = 64;
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max()) - alignment;
  void* block = nullptr;
  const std::uint64_t rounded = (std::max<std::uint64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  if (bytes <= most) block = std::aligned_alloc(alignment, static_cast<std::size_t>(rounded));
  if (!block) throw_no_memory(bytes);
  const auto size = static_cast<std::int64_t>(bytes);
  const std::int64_t now = counters_->now.fetch_add(size) + size;
  std::int64_t peak = counters_->peak.load();
  while (peak < now && !counters_->peak.compare_exchange_weak(peak, now)) {
  }
  return {static_cast<std::byte*>(block), [counters = counters_, size](std::byte* p) {
            std::free(p);
            counters->now.fetch_sub(size);
          }};
}

MemoryUse HostMemory::use() const {
  return {counters_->now.load(), counters_->peak.load()};
}

}  // namespace dq::ops
