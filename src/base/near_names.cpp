#include "base/near_names.h"

#include <algorithm>
#include <array>

namespace dq {
namespace {

constexpr std::size_t kLongest = 64;

// Lower case, without the characters that people put between parts of a name.
std::string bare(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, kLongest)) {
    if (std::string_view(" -_+.").find(c) != std::string_view::npos) continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

// Insertions, deletions, replacements and swaps of neighbours that turn a into b ("optimal string
// alignment").
std::size_t slips(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kLongest + 1>;
  Row before{}, last{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0u : 1u)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

struct Near {
  std::size_t slips, index;
};

}  // namespace

std::vector<std::string> near_names(std::string_view word, std::span<const std::string> candidates,
                                    std::size_t most) {
  const std::string wanted = bare(word);
  std::vector<Near> near;
  for (std::size_t i = 0; i < candidates.size() && !wanted.empty(); ++i) {
    const std::string name = bare(candidates[i]);
    std::size_t distance = slips(wanted, name);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(wanted.size(), name.size()) / 3);
    const bool begins =
        wanted.size() >= 2 && !name.empty() && (name.starts_with(wanted) || wanted.starts_with(name));
    // A beginning is as good as the slips allowed, so that it comes after nearer names.
    if (begins) distance = std::min(distance, allowed);
    if (distance <= allowed) near.push_back({distance, i});
  }
  std::stable_sort(near.begin(), near.end(), [](Near a, Near b) { return a.slips < b.slips; });
  std::vector<std::string> names;
  for (const Near& n : near) {
    if (names.size() < most) names.push_back(candidates[n.index]);
  }
  return names;
}

std::string did_you_mean(std::span<const std::string> names) {
  if (names.empty()) return "";
  std::string out = "Did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out + "?";
}

}  // namespace dq
