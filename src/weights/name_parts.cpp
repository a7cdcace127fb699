#include "weights/name_parts.h"

#include <charconv>

namespace dq::weights {

bool eat(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

bool eat_number(std::string_view& rest, int& value) {
  const char* last = rest.data() + rest.size();
  const auto [end, error] = std::from_chars(rest.data(), last, value);
  if (error != std::errc() || end == last || *end != '.') return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  return true;
}

std::optional<std::string> with_front_replaced(std::string_view name, std::span<const NamePair> table) {
  for (const auto& [from, to] : table) {
    if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
  }
  return std::nullopt;
}

}  // namespace dq::weights
