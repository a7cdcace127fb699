#pragma once
// Memory of the CPU device. A picture step asks for the same few large blocks over and over; memory that
// comes anew costs a page fault every 4 KB (or a cleared 2 MB page). Large blocks are therefore cut from
// regions of addresses, freed ones join their free neighbours, and their memory is kept for whatever fits
// next, under one promise: live and kept memory together never exceed the most that was live at once by more
// than 64 MB. Memory that nobody asks for any more goes back to the system after a while.
#include <cstddef>
#include <memory>

#include "tensor/device.h"

namespace dq::ops::cpu {

class BlockCache {
 public:
  BlockCache();
  // 64-byte aligned, uninitialised; throws kOutOfMemory. Blocks may outlive this object.
  std::shared_ptr<std::byte> allocate(std::uint64_t bytes);
  MemoryUse use() const;
  // Bytes kept for later use, and a way to give them all back now.
  std::int64_t kept() const;
  void release();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace dq::ops::cpu
