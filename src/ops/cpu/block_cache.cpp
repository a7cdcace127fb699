#include "ops/cpu/block_cache.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <new>

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
// passes through a large network, there and back.
constexpr std::int64_t kPatience = 16384;
// A small picture's peak is so low that, held to it, the cache would give back the very blocks that the next
// step asks for.
constexpr std::int64_t kSlack = 64 << 20;

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
  ~State() { release(); }

  // `size` of a small block is 0.
  struct Block {
    std::byte* bytes = nullptr;
    std::int64_t size = 0;
  };

  Block take(std::int64_t bytes) {
    Block block;
    if (bytes >= kLarge) {
      block = take_large(size_class(bytes));
    } else {
      const std::int64_t size = round_up(std::max<std::int64_t>(bytes, 1), kAlignment);
      block.bytes = static_cast<std::byte*>(std::aligned_alloc(kAlignment, static_cast<std::size_t>(size)));
    }
    if (!block.bytes) return block;
    const std::int64_t now = now_.fetch_add(bytes) + bytes;
    std::int64_t peak = peak_.load();
    while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
    }
    return block;
  }

  void give(const Block& block, std::int64_t bytes) {
    now_.fetch_sub(bytes);
    if (block.size == 0) return std::free(block.bytes);
    const std::lock_guard lock(mutex_);
    live_ -= block.size;
    try {
      kept_[block.size].push_back({block.bytes, clock_});
      kept_bytes_ += block.size;
    } catch (const std::bad_alloc&) {  // no room to remember it
      unmap_block(block.bytes, block.size);
    }
  }

  MemoryUse use() const { return {now_.load(), peak_.load()}; }

  std::int64_t kept_bytes() const {
    const std::lock_guard lock(mutex_);
    return kept_bytes_;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    drop_while([](const Kept&) { return true; });
  }

 private:
  struct Kept {
    std::byte* block;
    std::int64_t since;
  };

  Block take_large(std::int64_t size) {
    const std::lock_guard lock(mutex_);
    // Now and then is often enough to look for blocks that nobody asks for.
    if (++clock_ % (kPatience / 16) == 0)
      drop_while([this](const Kept& k) { return k.since + kPatience < clock_; });
    // The one that was freed last is the warmest in the caches; one that is a little larger will do.
    if (const auto fit = kept_.lower_bound(size); fit != kept_.end() && fit->first <= size + size / 8) {
      const Block block{fit->second.back().block, fit->first};
      fit->second.pop_back();
      if (fit->second.empty()) kept_.erase(fit);
      kept_bytes_ -= block.size;
      live_ += block.size;
      return block;
    }
    live_ += size;
    most_live_ = std::max(most_live_, live_);
    drop_while([this](const Kept&) { return live_ + kept_bytes_ > most_live_ + kSlack; });
    std::byte* block = map_block(size);
    if (!block && !kept_.empty()) {
      drop_while([](const Kept&) { return true; });
      block = map_block(size);
    }
    if (!block) live_ -= size;
    return {block, size};
  }

  // Gives back the oldest block of all for as long as the condition holds for it.
  template <class Condition>
  void drop_while(const Condition& condition) {
    while (!kept_.empty()) {
      // Each size has its blocks in the order of freeing.
      auto oldest = kept_.begin();
      for (auto it = kept_.begin(); it != kept_.end(); ++it) {
        if (it->second.front().since < oldest->second.front().since) oldest = it;
      }
      if (!condition(oldest->second.front())) return;
      unmap_block(oldest->second.front().block, oldest->first);
      kept_bytes_ -= oldest->first;
      oldest->second.pop_front();
      if (oldest->second.empty()) kept_.erase(oldest);
    }
  }

  mutable std::mutex mutex_;
  std::map<std::int64_t, std::deque<Kept>> kept_;  // by size
  std::int64_t kept_bytes_ = 0, live_ = 0, most_live_ = 0, clock_ = 0;
  std::atomic<std::int64_t> now_{0}, peak_{0};
};

BlockCache::BlockCache() : state_(std::make_shared<State>()) {}

std::shared_ptr<std::byte> BlockCache::allocate(std::uint64_t bytes) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 4);
  State::Block block;
  if (bytes <= most) block = state_->take(static_cast<std::int64_t>(bytes));
  if (!block.bytes) {
    throw Error(ErrorCode::kOutOfMemory, fmt::format("no memory for a tensor of {} bytes", bytes))
        .hint("Ask for a smaller picture or a smaller batch, or close other programs.");
  }
  return {block.bytes, [state = state_, bytes, size = block.size](std::byte* p) {
            state->give({p, size}, static_cast<std::int64_t>(bytes));
          }};
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
