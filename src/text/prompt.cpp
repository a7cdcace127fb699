#include "text/prompt.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "text/prompt_parts.h"
#include "text/unicode.h"

namespace dq::text {

void warn(ParsedPrompt& result, std::string text) {
  std::vector<std::string>& all = result.warnings;
  // A hostile prompt could make a warning at every word; nobody reads more than these.
  constexpr std::size_t kMaxWarnings = 32;
  if (all.size() < kMaxWarnings && std::find(all.begin(), all.end(), text) == all.end()) {
    all.push_back(std::move(text));
  }
}

void too_deep() {
  throw Error(ErrorCode::kInvalidArgument,
              "the prompt is nested deeper than " + std::to_string(kMaxNesting) + " brackets")
      .hint("Write a weight as (text:1.5) and close every bracket.");
}

bool is_python_space(char32_t c) {
  return char_class(c) == CharClass::kSpace || (c >= 0x1C && c <= 0x1F);
}

std::optional<double> parse_number(std::u32string_view text) {
  while (!text.empty() && is_python_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_python_space(text.back())) text.remove_suffix(1);
  constexpr std::size_t kLongest = 400;  // more digits than a double has room for
  if (text.size() > kLongest) return std::nullopt;
  const auto is_digit = [&](std::size_t i) { return i < text.size() && text[i] >= U'0' && text[i] <= U'9'; };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == U'_' && i > 0 && is_digit(i - 1) && is_digit(i + 1)) continue;
    if (i == 0 && text[i] == U'+' && text.substr(1, 1) != U"-") continue;
    if (!is_digit(i) && std::u32string_view(U".+-eE").find(text[i]) == std::u32string_view::npos)
      return std::nullopt;
    plain.push_back(static_cast<char>(text[i]));
  }
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

float checked_weight(double weight, ParsedPrompt& result) {
  if (std::abs(weight) > kMaxWeight) {
    warn(result, "A weight in the prompt is beyond 1000 and was cut; useful weights lie between 0 and 2.");
  }
  return static_cast<float>(std::clamp(weight, -kMaxWeight, kMaxWeight));
}

std::optional<int> vectors_of_word(const PromptJob& job, const std::string& name) {
  if (!job.vectors_of) return std::nullopt;
  const std::optional<int> vectors = job.vectors_of(name);
  return vectors && *vectors > 0 ? vectors : std::nullopt;
}

int vectors_in_window(PromptJob& job, const std::string& name, int vectors) {
  if (vectors <= kPromptTokens) return vectors;
  warn(job.result,
       "The embedding " + printable(name, 80) + " has more than 75 vectors; the first 75 were taken.");
  return kPromptTokens;
}

void append_word(PromptJob& job, const std::string& name, int vectors, float weight, std::vector<Slot>& out) {
  std::vector<std::string>& words = job.result.words;
  const auto found = std::find(words.begin(), words.end(), name);
  const auto word = static_cast<int>(found - words.begin());
  if (found == words.end()) words.push_back(name);
  if (static_cast<std::size_t>(vectors) > kMaxPromptTokens) {
    throw Error(ErrorCode::kInvalidArgument, "the embedding " + printable(name) + " has too many vectors");
  }
  for (int i = 0; i < vectors; ++i) out.push_back({0, weight, word, i});
}

void add_window(PromptJob& job, std::span<const Slot> slots) {
  ParsedPrompt& result = job.result;
  result.token_count += static_cast<int>(slots.size());
  if (slots.size() > kPromptTokens) throw Error(ErrorCode::kInternal, "a prompt window has too many tokens");
  if (result.windows.size() > kMaxPromptTokens / kPromptTokens) {
    throw Error(ErrorCode::kInvalidArgument,
                "the prompt has more than " + std::to_string(kMaxPromptTokens) + " tokens")
        .hint("Shorten it: what comes after the first few hundred words has no visible effect.");
  }
  Window& window = result.windows.emplace_back();
  window.slots.fill({job.pad_token});
  window.slots[0].token = job.tokenizer.begin_token();
  std::copy(slots.begin(), slots.end(), window.slots.begin() + 1);
  window.slots[slots.size() + 1].token = job.tokenizer.end_token();
  result.any_weight |= std::any_of(slots.begin(), slots.end(), [](const Slot& s) { return s.weight != 1; });
}

namespace {

// A learned word in a text, at [begin, end).
struct WordPlace {
  std::size_t begin = std::u32string_view::npos, end = std::u32string_view::npos;
  std::string name;
  int vectors = 0;
};

// The first known word at or after `from`; of several that begin there the longest.
WordPlace next_word(const PromptJob& job, std::u32string_view text, std::size_t from) {
  WordPlace first;
  for (const std::string& name : job.known_words) {
    const std::u32string word = folded(decode_utf8(name));
    const std::optional<int> vectors = vectors_of_word(job, name);
    const std::size_t at = vectors && !word.empty() ? find_own_word(text, word, from) : text.npos;
    if (at == text.npos || at > first.begin) continue;
    if (at == first.begin && at + word.size() <= first.end) continue;
    first = {at, at + word.size(), name, *vectors};
  }
  return first;
}

// Window after window, full as they get; only a learned word's vectors stay together.
void parse_plain(std::string_view prompt, PromptJob& job) {
  std::vector<Slot> window;
  const auto finish = [&] {
    add_window(job, window);
    window.clear();
  };
  const auto add = [&](std::span<const Slot> group) {
    if (window.size() + group.size() > kPromptTokens) finish();
    window.insert(window.end(), group.begin(), group.end());
  };
  const std::u32string text = decode_utf8(prompt), any_case = folded(text);
  for (std::size_t at = 0; at < text.size();) {
    const WordPlace word = next_word(job, any_case, at);
    const std::string before = encode_utf8(std::u32string_view(text).substr(at, word.begin - at));
    for (const std::int32_t token : job.tokenizer.encode(before)) add({{Slot{token}}});
    std::vector<Slot> vectors;
    if (word.vectors > 0) {
      append_word(job, word.name, vectors_in_window(job, word.name, word.vectors), 1, vectors);
    }
    add(vectors);
    at = word.end;
  }
  if (!window.empty() || job.result.windows.empty()) finish();
}

}  // namespace

ParsedPrompt parse_prompt(std::string_view prompt, const ClipTokenizer& tokenizer,
                          const PromptOptions& options, const VectorsOf& vectors_of, int pad_token,
                          const std::vector<std::string>& known_words) {
  if (prompt.size() > kMaxPromptBytes) {
    throw Error(ErrorCode::kInvalidArgument, "the prompt has " + std::to_string(prompt.size()) +
                                                 " bytes; at most " + std::to_string(kMaxPromptBytes) +
                                                 " are read");
  }
  ParsedPrompt result;
  PromptJob job{tokenizer, vectors_of, pad_token, known_words, result};
  if (options.reading == Reading::kPlain) {
    parse_plain(prompt, job);
    return result;
  }
  std::u32string text = decode_utf8(prompt);
  if (options.reading == Reading::kA1111) text = without_comments(text);
  text = take_adapter_tags(text, options.reading, result);
  if (options.reading == Reading::kComfy) {
    parse_comfy(text, job);
  } else {
    parse_a1111(text, job);
  }
  return result;
}

}  // namespace dq::text
