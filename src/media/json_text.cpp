#include "media/json_text.h"

#include <charconv>
#include <cmath>
#include <vector>

namespace dq::media {

namespace {

constexpr std::size_t kMaxDepth = 256;
// An ordered object looks through its members at each insertion; Σ members² bounds that work.
constexpr std::uint64_t kMaxWork = 50'000'000;

// The same text with NaN and Infinity as null, or nothing when it is too deep or too wide.
std::optional<std::string> prepare(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::vector<std::uint64_t> members;
  std::uint64_t work = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      quoted = c != '"';
      continue;
    }
    if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (members.size() == kMaxDepth) return {};
      members.push_back(1);
    } else if ((c == '}' || c == ']') && !members.empty()) {
      members.pop_back();
    } else if (c == ',' && !members.empty()) {
      work += members.back()++;
      if (work > kMaxWork) return {};
    }
    bool replaced = false;
    for (const std::string_view word :
         {std::string_view("NaN"), std::string_view("-Infinity"), std::string_view("Infinity")}) {
      if (text.substr(i, word.size()) != word) continue;
      out += "null";
      i += word.size() - 1;
      replaced = true;
      break;
    }
    if (!replaced) out += c;
  }
  return out;
}

}  // namespace

std::optional<Json> parse_json(std::string_view text) {
  const std::optional<std::string> prepared = prepare(text);
  if (!prepared) return {};
  Json json = Json::parse(*prepared, nullptr, false);
  if (json.is_discarded()) return {};
  return json;
}

std::string json_to_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

std::string text_member(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<double> number_member(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  if (value && value->is_number()) return value->get<double>();
  if (value && value->is_string()) return number_of(value->get_ref<const std::string&>());
  return {};
}

std::optional<int> int_member(const Json& object, std::string_view key) {
  const std::optional<double> value = number_member(object, key);
  if (!value || !(std::abs(*value) <= 1e9)) return {};
  return static_cast<int>(*value);
}

std::optional<std::uint64_t> seed_member(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  if (value && value->is_number_unsigned()) return value->get<std::uint64_t>();
  if (value && value->is_string()) return seed_of(value->get_ref<const std::string&>());
  return {};
}

namespace {

template <class T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

std::optional<double> number_of(std::string_view text) {
  const std::optional<double> value = whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<int> int_of(std::string_view text) {
  return whole<int>(text);
}

std::optional<std::uint64_t> seed_of(std::string_view text) {
  return whole<std::uint64_t>(text);
}

}  // namespace dq::media
