#pragma once
// JSON as image metadata has it: written by Python and JavaScript, read with bounds.
#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dq::media {

using Json = nlohmann::ordered_json;  // keeps the order of the file

// Nothing when the text is no JSON, is nested deeper than 256, or has objects so wide that reading would
// stall. NaN and ±Infinity, which Python writes, become null.
std::optional<Json> parse_json(std::string_view text);

// A string as it is, anything else as compact JSON.
std::string json_to_text(const Json& value);

// Members of an object by key; null, "" or nothing when `object` is none, the key is missing or the type
// differs. Numbers written as strings ("7.5") count as numbers.
const Json* member(const Json& object, std::string_view key);
std::string text_member(const Json& object, std::string_view key);
std::optional<double> number_member(const Json& object, std::string_view key);
std::optional<int> int_member(const Json& object, std::string_view key);
std::optional<std::uint64_t> seed_member(const Json& object, std::string_view key);

// A whole text as a number; locale plays no part.
std::optional<double> number_of(std::string_view text);
std::optional<int> int_of(std::string_view text);
std::optional<std::uint64_t> seed_of(std::string_view text);

}  // namespace dq::media
