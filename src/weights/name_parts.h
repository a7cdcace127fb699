#pragma once
// Taking a tensor's name apart from the front, for the maps from community layouts to canonical names.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace dq::weights {

// Takes `text` off the front; false (and nothing taken) when it is not there.
bool eat(std::string_view& rest, std::string_view text);

// Takes "12." off the front.
bool eat_number(std::string_view& rest, int& value);

// A beginning and what stands in its place.
using NamePair = std::pair<std::string_view, std::string_view>;

// The name with its beginning replaced by the first row that fits; nothing when none does.
std::optional<std::string> with_front_replaced(std::string_view name, std::span<const NamePair> table);

}  // namespace dq::weights
