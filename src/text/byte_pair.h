#pragma once
// Byte-pair encoding (Sennrich et al. 2016): joins the best neighbours until none are left.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dq::text {

// One merge: two symbols that become one, whose id is the first merged id plus the merge's index.
struct Merge {
  std::int32_t left, right;
};

class BytePairs {
 public:
  // Merges, best first; merge i makes id first_id + i, so a smaller id is a better merge. A pair that comes
  // twice keeps its first place.
  BytePairs(std::vector<Merge> merges, std::int32_t first_id);

  // Joins the symbols of one word in place: the best pair first, of equals the leftmost.
  void apply(std::vector<std::int32_t>& word) const;

  std::optional<std::int32_t> find(Merge pair) const;
  const std::vector<Merge>& merges() const { return merges_; }
  std::int32_t first_id() const { return first_id_; }

 private:
  void apply_short(std::vector<std::int32_t>& word) const;
  void apply_long(std::vector<std::int32_t>& word) const;

  // Open addressing; id 0 is an empty place, for no merge makes id 0.
  struct Entry {
    std::int32_t left = 0, right = 0, id = 0;
  };
  std::size_t place(Merge pair) const;

  std::vector<Merge> merges_;
  std::int32_t first_id_;
  std::vector<Entry> table_;
};

}  // namespace dq::text
