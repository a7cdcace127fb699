#include "sampling/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <vector>

#include "base/near_names.h"

namespace dq::sampling {

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    result += lower == ' ' || lower == '-' ? '_' : lower;
  }
  return result;
}

Error unknown_name(std::string_view what, std::string_view name, std::span<const std::string> known) {
  const std::vector<std::string> near = near_names(name, known, 4);
  return Error(ErrorCode::kInvalidArgument, fmt::format("there is no {} \"{}\"", what, printable(name)))
      .hint(near.empty() ? fmt::format("Known are: {}", fmt::join(known, ", ")) : did_you_mean(near));
}

}  // namespace dq::sampling
