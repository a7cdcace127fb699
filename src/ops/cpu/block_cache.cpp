#include "ops/cpu/block_cache.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

constexpr std::int64_t kAlignment = 64;
// Blocks from here on are cut from regions and kept when freed; the heap serves smaller ones well.
constexpr std::int64_t kLarge = 256 << 10;
// What large blocks are rounded up to; memory is given back in such pieces.
constexpr std::int64_t kGranule = 64 << 10;
// Regions begin at these and ask for them: fewer faults and fewer TLB misses than with pages of 4 KB.
constexpr std::int64_t kHugePage = 2 << 20;
// A region's least size. Only address space is taken until its blocks are written to.
constexpr std::int64_t kRegion = 256 << 20;
// A kept granule is given back when this many large blocks were asked for since it was last used: about two
// passes through a large network, there and back.
constexpr std::int64_t kPatience = 16384;
// A small picture's peak is so low that, held to it, the cache would give back the very memory that the next
// step asks for.
constexpr std::int64_t kSlack = 64 << 20;

// A stretch of addresses, from which blocks are cut.
struct Region {
  std::int64_t bytes = 0;
  std::int64_t live = 0;  // blocks
  // Of each granule: when it was freed last, or that it is live (kLive) or has no memory (kFresh).
  std::vector<std::int64_t> used;
};
constexpr std::int64_t kFresh = -1, kLive = std::numeric_limits<std::int64_t>::max();

// `bytes` of addresses, a multiple of kHugePage, that begin at a huge page; null when there are none.
std::byte* map_region(std::int64_t bytes) {
  const auto all = static_cast<std::size_t>(bytes + kHugePage);
  void* p = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(p);
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(start) % kHugePage);
  const std::int64_t before = (kHugePage - past) % kHugePage;
  if (before > 0) ::munmap(start, static_cast<std::size_t>(before));
  ::munmap(start + before + bytes, static_cast<std::size_t>(kHugePage - before));
  ::madvise(start + before, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
  return start + before;
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
      block = take_large(round_up(bytes, kGranule));
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
    kept_ += block.size;
    Region& region = region_of(block.bytes);
    --region.live;
    const auto first = granules(block.bytes);
    std::fill(first, first + block.size / kGranule, clock_);
    // The nodes that stand for the block as long as it is live become its span: nothing is allocated here.
    auto span = spans_.find(block.bytes);
    free_.insert(std::move(span->second.node));
    if (span != spans_.begin()) {
      const auto before = std::prev(span);
      if (joined(before, span)) span = before;
    }
    if (const auto after = std::next(span); after != spans_.end()) joined(span, after);
  }

  MemoryUse use() const { return {now_.load(), peak_.load()}; }

  std::int64_t kept_bytes() const {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    give_back();
  }

 private:
  // Where free spans begin: few among thousands of live ones.
  using Free = std::set<std::byte*>;
  // The addresses of all regions, without gaps: live blocks and what is free between them.
  struct Span {
    std::int64_t bytes = 0;
    Free::node_type node = {};  // while it is live; free ones are in free_
    bool is_free() const { return node.empty(); }
  };
  using Spans = std::map<std::byte*, Span>;

  Region& region_of(std::byte* p) { return std::prev(regions_.upper_bound(p))->second; }
  std::vector<std::int64_t>::iterator granules(std::byte* p) {
    const auto region = std::prev(regions_.upper_bound(p));
    return region->second.used.begin() + (p - region->first) / kGranule;
  }

  // All that is kept, and the addresses of regions without blocks.
  void give_back() {
    for (auto it = regions_.begin(); it != regions_.end();) {
      if (it->second.live > 0) {
        ++it;
        continue;
      }
      const auto& used = it->second.used;
      kept_ -= kGranule * std::count_if(used.begin(), used.end(), [](std::int64_t u) { return u != kFresh; });
      free_.erase(it->first);
      spans_.erase(it->first);  // the only one
      ::munmap(it->first, static_cast<std::size_t>(it->second.bytes));
      it = regions_.erase(it);
    }
    drop_while([](std::int64_t) { return true; });
  }

  // Makes one of two neighbours when both are free.
  bool joined(Spans::iterator a, Spans::iterator b) {
    if (!a->second.is_free() || !b->second.is_free() || a->first + a->second.bytes != b->first) return false;
    if (regions_.contains(b->first)) return false;  // another region begins
    a->second.bytes += b->second.bytes;
    free_.erase(b->first);
    spans_.erase(b);
    return true;
  }

  Block take_large(std::int64_t size) {
    const std::lock_guard lock(mutex_);
    ++clock_;
    // Now and then is often enough to look for memory that nobody asks for.
    if (clock_ % (kPatience / 16) == 0)
      drop_while([this](std::int64_t used) { return used + kPatience < clock_; });
    auto span = find(size);
    if (span == spans_.end()) span = add_region(size);
    if (span == spans_.end()) return {};
    try {
      if (span->second.bytes > size) add_free(span->first + size, span->second.bytes - size);
    } catch (const std::bad_alloc&) {
      return {};
    }
    span->second = {size, free_.extract(span->first)};
    ++region_of(span->first).live;
    const auto first = granules(span->first), last = first + size / kGranule;
    kept_ -= kGranule * std::count_if(first, last, [](std::int64_t u) { return u != kFresh; });
    std::fill(first, last, kLive);
    live_ += size;
    most_live_ = std::max(most_live_, live_);
    drop_while([this](std::int64_t) { return live_ + kept_ > most_live_ + kSlack; });
    return {span->first, size};
  }

  // Where a block of `size` needs the least fresh memory; of such places the smallest.
  Spans::iterator find(std::int64_t size) {
    auto best = spans_.end();
    std::tuple<std::int64_t, std::int64_t> least;
    for (std::byte* const start : free_) {
      const auto it = spans_.find(start);
      if (it->second.bytes < size) continue;
      const auto first = granules(it->first);
      const std::tuple cost(std::count(first, first + size / kGranule, kFresh), it->second.bytes);
      if (best == spans_.end() || cost < least) best = it, least = cost;
    }
    return best;
  }

  Spans::iterator add_region(std::int64_t size) {
    Region region;
    region.bytes = std::max(kRegion, round_up(size, kHugePage));
    std::byte* p = map_region(region.bytes);
    if (!p) p = map_region(region.bytes = round_up(size, kHugePage));
    if (!p) {
      give_back();
      p = map_region(region.bytes);
    }
    if (!p) return spans_.end();
    try {
      region.used.assign(static_cast<std::size_t>(region.bytes / kGranule), kFresh);
      const std::int64_t bytes = region.bytes;
      const auto span = add_free(p, bytes);
      regions_.emplace(p, std::move(region));
      return span;
    } catch (const std::bad_alloc&) {
      free_.erase(p);
      spans_.erase(p);
      ::munmap(p, static_cast<std::size_t>(region.bytes));
      return spans_.end();
    }
  }

  // Throws bad_alloc, with nothing changed.
  Spans::iterator add_free(std::byte* p, std::int64_t bytes) {
    free_.insert(p);
    try {
      return spans_.emplace(p, Span{bytes}).first;
    } catch (const std::bad_alloc&) {
      free_.erase(p);
      throw;
    }
  }

  // Gives back what was freed first, for as long as the condition holds for when that was.
  template <class Condition>
  void drop_while(const Condition& condition) {
    while (kept_ > 0) {
      std::int64_t oldest = kLive;
      std::byte* at = nullptr;
      for (std::byte* const start : free_) {
        const auto first = granules(start), last = first + spans_.find(start)->second.bytes / kGranule;
        for (auto it = first; it != last; ++it) {
          if (*it != kFresh && *it < oldest) oldest = *it, at = start + (it - first) * kGranule;
        }
      }
      if (!at || !condition(oldest)) return;
      // Its neighbours of the same age go too, as far as they must.
      const auto first = granules(at);
      auto last = first;
      for (const auto end = region_of(at).used.end(); last != end && *last == oldest && condition(oldest);
           ++last) {
        *last = kFresh;
        kept_ -= kGranule;
      }
      ::madvise(at, static_cast<std::size_t>((last - first) * kGranule), MADV_DONTNEED);
    }
  }

  mutable std::mutex mutex_;
  std::map<std::byte*, Region> regions_;
  Spans spans_;
  Free free_;
  std::int64_t kept_ = 0, live_ = 0, most_live_ = 0, clock_ = 0;
  std::atomic<std::int64_t> now_{0}, peak_{0};
};

BlockCache::BlockCache() : state_(std::make_shared<State>()) {}

std::shared_ptr<std::byte> BlockCache::allocate(std::uint64_t bytes) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 4);
  State::Block block;
  if (bytes <= most) block = state_->take(static_cast<std::int64_t>(bytes));
  if (!block.bytes) throw_no_memory(bytes);
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
