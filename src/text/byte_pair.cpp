#include "text/byte_pair.h"

#include <algorithm>
#include <bit>
#include <queue>

namespace dq::text {
namespace {

// Up to here, looking at every pair again after each merge is faster than keeping a heap.
constexpr std::size_t kShortWord = 24;

// A pair of neighbours in a long word: `id` is what they would become, `at` the place of the left one.
struct Candidate {
  std::int32_t id;
  std::uint32_t at;
  bool operator>(const Candidate& other) const { return id != other.id ? id > other.id : at > other.at; }
};

}  // namespace

BytePairs::BytePairs(std::vector<Merge> merges, std::int32_t first_id)
    : merges_(std::move(merges)), first_id_(first_id), table_(std::bit_ceil(2 * merges_.size() + 2)) {
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    Entry& entry = table_[place(merges_[i])];
    if (entry.id == 0) entry = {merges_[i].left, merges_[i].right, first_id_ + static_cast<std::int32_t>(i)};
  }
}

// Where the pair is, or would be put.
std::size_t BytePairs::place(Merge pair) const {
  const std::uint64_t key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.left)) << 32) |
                            static_cast<std::uint32_t>(pair.right);
  const std::size_t mask = table_.size() - 1;
  std::size_t at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & mask;
  while (table_[at].id != 0 && (table_[at].left != pair.left || table_[at].right != pair.right)) {
    at = (at + 1) & mask;
  }
  return at;
}

std::optional<std::int32_t> BytePairs::find(Merge pair) const {
  const std::int32_t id = table_[place(pair)].id;
  return id != 0 ? std::optional(id) : std::nullopt;
}

void BytePairs::apply(std::vector<std::int32_t>& word) const {
  if (word.size() <= kShortWord) {
    apply_short(word);
  } else {
    apply_long(word);
  }
}

void BytePairs::apply_short(std::vector<std::int32_t>& word) const {
  while (word.size() > 1) {
    std::int32_t best = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const std::int32_t id = table_[place({word[i], word[i + 1]})].id;
      if (id != 0 && (best == 0 || id < best)) {
        best = id;
        at = i;
      }
    }
    if (best == 0) return;
    word[at] = best;
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

// The symbols as a linked list, the pairs in a heap; a pair whose symbols have changed since is skipped.
void BytePairs::apply_long(std::vector<std::int32_t>& word) const {
  constexpr std::int32_t kGone = -1;
  const auto n = static_cast<std::uint32_t>(word.size());
  std::vector<std::uint32_t> previous(n), next(n);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto consider = [&](std::uint32_t at) {
    if (next[at] == n) return;
    const std::int32_t id = table_[place({word[at], word[next[at]]})].id;
    if (id != 0) heap.push({id, at});
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    previous[i] = i == 0 ? n : i - 1;
    next[i] = i + 1;
  }
  for (std::uint32_t i = 0; i + 1 < n; ++i) consider(i);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    if (word[best.at] == kGone || next[best.at] == n) continue;
    const std::uint32_t right = next[best.at];
    if (table_[place({word[best.at], word[right]})].id != best.id) continue;
    word[best.at] = best.id;
    word[right] = kGone;
    next[best.at] = next[right];
    if (next[right] != n) previous[next[right]] = best.at;
    consider(best.at);
    if (previous[best.at] != n) consider(previous[best.at]);
  }
  std::erase(word, kGone);
}

}  // namespace dq::text
