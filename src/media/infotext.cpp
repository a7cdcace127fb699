#include "media/infotext.h"

#include <algorithm>

#include "media/json_text.h"
#include "media/text_scan.h"

namespace dq::media {

namespace {

// The end of the key that begins at or behind `at`, which must be followed by a colon; else npos. `at` moves
// to the key, or to where the search goes on: within one run of key characters no other start can do better.
std::size_t find_key(std::string_view line, std::size_t& at) {
  const CodePoint first = code_point_at(line, at);
  if (!is_word(first.value)) {
    at += first.bytes;
    return std::string_view::npos;
  }
  std::size_t end = at + first.bytes;
  while (end < line.size()) {
    const CodePoint c = code_point_at(line, end);
    if (!is_word(c.value) && c.value != ' ' && c.value != '-' && c.value != '/') break;
    end += c.bytes;
  }
  if (end < line.size() && line[end] == ':' && end > at + first.bytes) return end;
  at = end;
  return std::string_view::npos;
}

bool ends_value(std::string_view line, std::size_t at) {
  return at == line.size() || line[at] == ',';
}

// "(?:\\.|[^\\"])+" and what must follow; the end behind the closing quote, or npos.
std::size_t quoted_end(std::string_view line, std::size_t at) {
  if (at >= line.size() || line[at] != '"') return std::string_view::npos;
  std::size_t i = at + 1;
  while (i < line.size() && line[i] != '"') i += line[i] == '\\' ? 2 : 1;
  if (i >= line.size() || i == at + 1 || !ends_value(line, i + 1)) return std::string_view::npos;
  return i + 1;
}

// The end of a JSON array or object that stands unquoted in the line, or npos. `budget` bounds the work on
// lines full of brackets that never close.
std::size_t json_end(std::string_view line, std::size_t at, std::size_t& budget) {
  if (at >= line.size() || (line[at] != '[' && line[at] != '{')) return std::string_view::npos;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = at; i < line.size() && budget > 0; ++i, --budget) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (--depth == 0) return ends_value(line, i + 1) ? i + 1 : std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

std::vector<InfotextPair> find_pairs(std::string_view line, bool with_json) {
  std::vector<InfotextPair> out;
  std::size_t budget = with_json ? 4 * line.size() : 0;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t key_end = find_key(line, at);
    if (key_end == std::string_view::npos) continue;
    std::size_t value = key_end + 1;
    while (value < line.size()) {
      const CodePoint c = code_point_at(line, value);
      if (!is_space(c.value)) break;
      value += c.bytes;
    }
    std::size_t end = quoted_end(line, value);
    if (end == std::string_view::npos) end = json_end(line, value, budget);
    if (end == std::string_view::npos) end = std::min(line.find(',', value), line.size());
    out.push_back({std::string(line.substr(at, key_end - at)), std::string(line.substr(value, end - value))});
    at = end + 1;
  }
  return out;
}

std::string_view last_line(std::string_view text) {
  const std::size_t newline = text.rfind('\n');
  return newline == std::string_view::npos ? text : text.substr(newline + 1);
}

constexpr std::string_view kNegative = "Negative prompt:";

// Prompts and settings in one line, as some uploaders leave it. The settings begin at the last "Steps: ".
Infotext split_one_line(std::string_view text) {
  Infotext out;
  const std::size_t steps = text.rfind("Steps: ");
  std::string_view prompts = text.substr(0, steps);
  const std::size_t negative = prompts.find(kNegative);
  if (negative != std::string_view::npos) {
    out.negative_prompt = strip(prompts.substr(negative + kNegative.size()));
    prompts = prompts.substr(0, negative);
  }
  out.prompt = strip(prompts);
  out.pairs = find_pairs(text.substr(steps), true);
  return out;
}

}  // namespace

std::vector<InfotextPair> infotext_pairs(std::string_view line) {
  return find_pairs(line, false);
}

Infotext split_infotext(std::string_view text) {
  text = strip(text);
  Infotext out;
  std::string_view last = last_line(text);
  std::string_view prompts = text.substr(0, text.size() - last.size());
  if (infotext_pairs(last).size() < 3) {
    prompts = text;
    last = {};
  } else if (prompts.empty() && text.rfind("Steps: ") != std::string_view::npos &&
             text.rfind("Steps: ") > 0) {
    return split_one_line(text);
  } else {
    prompts.remove_suffix(prompts.empty() ? 0 : 1);  // the newline before the last line
  }
  bool negative = false;
  for (std::size_t at = 0; at <= prompts.size() && !text.empty();) {
    const std::size_t newline = std::min(prompts.find('\n', at), prompts.size());
    std::string_view line = strip(prompts.substr(at, newline - at));
    at = newline + 1;
    if (line.substr(0, kNegative.size()) == kNegative) {
      negative = true;
      line = strip(line.substr(kNegative.size()));
    }
    std::string& target = negative ? out.negative_prompt : out.prompt;
    if (!target.empty()) target += '\n';
    target += line;
  }
  out.pairs = find_pairs(last, true);
  return out;
}

std::string unquote_infotext(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  const Json json = Json::parse(value, nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(value);
}

std::string quote_infotext(std::string_view value) {
  if (value.find_first_of(",\n:") == std::string_view::npos) return std::string(value);
  return Json(std::string(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace dq::media
