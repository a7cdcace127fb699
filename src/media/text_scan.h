#pragma once
// The character classes of Python's `re` and str.strip, on UTF-8.
#include <cstddef>
#include <string_view>

namespace dq::media {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;
};

// The code point at `at` (< text.size()); a byte that begins none counts as one of U+FFFD.
CodePoint code_point_at(std::string_view text, std::size_t at);

// \s, as str.isspace.
bool is_space(char32_t code);

// \w: letters, digits, underscore. Beyond ASCII this takes blocks of marks, symbols and punctuation out
// instead of asking a table of every character; keys there are rare, and Chinese, Japanese and Latin letters
// are right.
bool is_word(char32_t code);

std::string_view strip(std::string_view text);

}  // namespace dq::media
