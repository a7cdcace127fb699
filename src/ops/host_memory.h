#pragma once
// Counted heap memory for the devices whose tensors live in host memory.
#include <atomic>
#include <cstddef>
#include <memory>

#include "tensor/device.h"

namespace dq::ops {

class HostMemory {
 public:
  // 64-byte aligned, uninitialised; throws kOutOfMemory. Blocks may outlive this object.
  std::shared_ptr<std::byte> allocate(std::uint64_t bytes);
  MemoryUse use() const;

 private:
  struct Counters {
    std::atomic<std::int64_t> now{0}, peak{0};
  };
  std::shared_ptr<Counters> counters_ = std::make_shared<Counters>();
};

}  // namespace dq::ops
