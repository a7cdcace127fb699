#include "sampling/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/near_names.h"

namespace dq::sampling {
namespace {
constexpr std::size_t kMostSuggestions = 4;
}  // namespace

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    result += lower == ' ' || lower == '-' ? '_' : lower;
  }
  return result;
}

Error unknown_name(std::string_view what, std::string_view name, std::span<const std::string> known,
                   std::span<const std::string> labels) {
  std::vector<std::string> candidates(known.begin(), known.end());
  candidates.insert(candidates.end(), labels.begin(), labels.end());
  // What is near by its name and by its label is one suggestion.
  std::vector<std::string> near;
  for (const std::string& candidate : near_names(name, candidates, 2 * kMostSuggestions)) {
    const auto label = std::find(labels.begin(), labels.end(), candidate);
    const std::string& known_as =
        label == labels.end() ? candidate : known[static_cast<std::size_t>(label - labels.begin())];
    if (near.size() < kMostSuggestions && std::find(near.begin(), near.end(), known_as) == near.end())
      near.push_back(known_as);
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("there is no {} \"{}\"", what, printable(name)))
      .hint(near.empty() ? fmt::format("Known are: {}", fmt::join(known, ", ")) : did_you_mean(near));
}

}  // namespace dq::sampling
