#include "models/recognised/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace dq::models::recognised {
namespace {

// Takes everything up to `stop` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char stop) {
  const std::size_t end = rest.find(stop);
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return head;
}

[[noreturn]] void malformed(std::string_view term) {
  throw Error(ErrorCode::kInternal, fmt::format("a signature has a malformed condition: {}", term));
}

std::int64_t number(std::string_view text, std::string_view term) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) malformed(term);
  return value;
}

// One "[axis] op value" test on a shape.
bool passes(std::span<const std::int64_t> shape, std::string_view axis, char op, std::int64_t value,
            std::string_view term) {
  std::int64_t have = 0;
  if (axis.empty()) {
    have = static_cast<std::int64_t>(shape.size());
  } else {
    const auto index = static_cast<std::size_t>(number(axis, term));
    if (index >= shape.size()) return false;
    have = shape[index];
  }
  switch (op) {
    case '=':
      return have == value;
    case '<':
      return have < value;
    case '>':
      return have > value;
    default:
      malformed(term);
  }
}

bool shape_passes(std::span<const std::int64_t> shape, std::string_view tests, std::string_view term) {
  while (!tests.empty()) {
    if (tests.front() != '[') malformed(term);
    tests.remove_prefix(1);
    const std::string_view axis = take_until(tests, ']');
    if (tests.empty()) malformed(term);
    const char op = tests.front();
    tests.remove_prefix(1);
    const std::string_view digits = tests.substr(0, std::min(tests.find('['), tests.size()));
    tests.remove_prefix(digits.size());
    if (!passes(shape, axis, op, number(digits, term), term)) return false;
  }
  return true;
}

// Does `name` match a pattern whose stars stand for anything?
bool glob(std::string_view name, std::string_view pattern) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  for (;;) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == std::string_view::npos) return name.ends_with(pattern);
    const std::size_t at = name.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    name.remove_prefix(at + star);
  }
}

// The first entry that a term is true of; null when there is none.
const NamedShape* match(const Names& names, std::string_view term) {
  const std::size_t bracket = std::min(term.find('['), term.size());
  const std::string_view pattern = term.substr(0, bracket);
  const std::string_view tests = term.substr(bracket);
  if (pattern.empty()) malformed(term);
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    const NamedShape* entry = names.find(pattern);
    return entry && shape_passes(entry->shape, tests, term) ? entry : nullptr;
  }
  for (const NamedShape& entry : names.starting(pattern.substr(0, star))) {
    if (glob(entry.name, pattern) && shape_passes(entry.shape, tests, term)) return &entry;
  }
  return nullptr;
}

const NamedShape* match_any(const Names& names, std::string_view terms) {
  while (!terms.empty()) {
    if (const NamedShape* entry = match(names, take_until(terms, '|'))) return entry;
  }
  return nullptr;
}

}  // namespace

Names::Names(const weights::TensorTable& table) {
  entries_.reserve(table.size());
  for (const auto& [name, entry] : table.entries()) entries_.push_back({name, entry.shape});
}

Names::Names(std::vector<NamedShape> entries) : entries_(std::move(entries)) {
  std::ranges::sort(entries_, {}, &NamedShape::name);
}

const NamedShape* Names::find(std::string_view name) const {
  const auto it = std::ranges::lower_bound(entries_, name, {}, &NamedShape::name);
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

std::span<const NamedShape> Names::starting(std::string_view prefix) const {
  const auto head = [&](const NamedShape& entry) { return entry.name.substr(0, prefix.size()); };
  const auto [first, last] = std::ranges::equal_range(entries_, prefix, {}, head);
  return {first, last};
}

Names Names::under(std::string_view prefix) const {
  Names out;
  for (const NamedShape& entry : starting(prefix)) {
    out.entries_.push_back({entry.name.substr(prefix.size()), entry.shape});
  }
  return out;
}

bool holds(const Names& names, std::string_view conditions) {
  while (!conditions.empty()) {
    std::string_view condition = take_until(conditions, ' ');
    if (condition.empty()) continue;
    const bool wanted = condition.front() != '!';
    if (!wanted) condition.remove_prefix(1);
    if ((match_any(names, condition) != nullptr) != wanted) return false;
  }
  return true;
}

std::vector<std::string> evidence(const Names& names, std::string_view conditions) {
  std::vector<std::string> out;
  while (!conditions.empty()) {
    std::string_view condition = take_until(conditions, ' ');
    if (condition.empty()) continue;
    if (condition.front() == '!') {
      condition.remove_prefix(1);
      out.push_back(fmt::format("no {}", condition));
    } else if (const NamedShape* entry = match_any(names, condition)) {
      out.push_back(fmt::format("{} [{}]", printable(entry->name), fmt::join(entry->shape, ", ")));
    }
  }
  return out;
}

}  // namespace dq::models::recognised
