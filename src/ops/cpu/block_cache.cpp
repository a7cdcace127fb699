#include "ops/cpu/block_cache.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

constexpr std::int64_t kAlignment = 64;
// Blocks from here on are mapped one by one and kept when freed; the heap serves smaller ones well.
constexpr std::int64_t kLarge = 256 << 10;
// Blocks from here on ask for 2 MB pages: fewer faults and fewer TLB misses.
constexpr std::int64_t kHuge = 4 << 20;
constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kHugePage = 2 << 20;
// A kept block is given back when this many large blocks were asked for since it was last used: about two
// passes through a large network.
constexpr std::int64_t kPatience = 2048;
constexpr std::size_t kMostKept = 256;

// Large sizes come in steps of 1/8 of their power of two, so that similar requests share blocks.
std::int64_t size_class(std::int64_t bytes) {
  std::int64_t power = kLarge;
  while (power * 2 <= bytes) power *= 2;
  return round_up(bytes, std::max(kPage, power / 8));
}

std::byte* map_block(std::int64_t bytes) {
  void* p = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  // Only whole 2 MB pages inside the block, so that the advice never makes the block larger.
  if (bytes >= kHuge) ::madvise(p, static_cast<std::size_t>(bytes / kHugePage * kHugePage), MADV_HUGEPAGE);
  return static_cast<std::byte*>(p);
}

void unmap_block(std::byte* block, std::int64_t bytes) {
  ::munmap(block, static_cast<std::size_t>(bytes));
}

}  // namespace

class BlockCache::State {
 public:
  State() { kept_.reserve(kMostKept); }  // so that giving back never allocates
  ~State() { release(); }

  std::byte* take(std::int64_t bytes) {
    const bool large = bytes >= kLarge;
    const std::int64_t size =
        large ? size_class(bytes) : round_up(std::max<std::int64_t>(bytes, 1), kAlignment);
    std::byte* block = nullptr;
    if (large) {
      block = take_large(size);
    } else {
      block = static_cast<std::byte*>(std::aligned_alloc(kAlignment, static_cast<std::size_t>(size)));
    }
    if (!block) return nullptr;
    const std::int64_t now = now_.fetch_add(bytes) + bytes;
    std::int64_t peak = peak_.load();
    while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
    }
    return block;
  }

  void give(std::byte* block, std::int64_t bytes) {
    now_.fetch_sub(bytes);
    if (bytes < kLarge) return std::free(block);
    const std::lock_guard lock(mutex_);
    const std::int64_t size = size_class(bytes);
    live_ -= size;
    if (kept_.size() == kMostKept) drop(0);
    kept_.push_back({block, size, clock_});
    kept_bytes_ += size;
  }

  MemoryUse use() const { return {now_.load(), peak_.load()}; }

  std::int64_t kept_bytes() const {
    const std::lock_guard lock(mutex_);
    return kept_bytes_;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    while (!kept_.empty()) drop(0);
  }

 private:
  struct Kept {
    std::byte* block;
    std::int64_t bytes, since;
  };

  std::byte* take_large(std::int64_t size) {
    const std::lock_guard lock(mutex_);
    ++clock_;
    while (!kept_.empty() && kept_.front().since + kPatience < clock_) drop(0);
    live_ += size;
    // The block that was freed last is the warmest in the caches.
    for (std::size_t i = kept_.size(); i-- > 0;) {
      if (kept_[i].bytes != size) continue;
      std::byte* block = kept_[i].block;
      kept_bytes_ -= size;
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
      return block;
    }
    most_live_ = std::max(most_live_, live_);
    while (!kept_.empty() && live_ + kept_bytes_ > most_live_) drop(0);
    std::byte* block = map_block(size);
    if (!block && !kept_.empty()) {
      while (!kept_.empty()) drop(0);
      block = map_block(size);
    }
    if (!block) live_ -= size;
    return block;
  }

  // Oldest first: kept_ is in the order of freeing.
  void drop(std::size_t i) {
    unmap_block(kept_[i].block, kept_[i].bytes);
    kept_bytes_ -= kept_[i].bytes;
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  mutable std::mutex mutex_;
  std::vector<Kept> kept_;
  std::int64_t kept_bytes_ = 0, live_ = 0, most_live_ = 0, clock_ = 0;
  std::atomic<std::int64_t> now_{0}, peak_{0};
};

BlockCache::BlockCache() : state_(std::make_shared<State>()) {}

std::shared_ptr<std::byte> BlockCache::allocate(std::uint64_t bytes) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 4);
  std::byte* block = bytes <= most ? state_->take(static_cast<std::int64_t>(bytes)) : nullptr;
  if (!block) {
    throw Error(ErrorCode::kOutOfMemory, fmt::format("no memory for a tensor of {} bytes", bytes))
        .hint("Ask for a smaller picture or a smaller batch, or close other programs.");
  }
  return {block, [state = state_, bytes](std::byte* p) { state->give(p, static_cast<std::int64_t>(bytes)); }};
}

MemoryUse BlockCache::use() const {
  return state_->use();
}

std::int64_t BlockCache::kept() const {
  return state_->kept_bytes();
}

void BlockCache::release() {
  state_->release();
}

}  // namespace dq::ops::cpu
