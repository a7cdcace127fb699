#pragma once
// Words that stand by themselves in a text: no letter, number or "_" touches them (\bword\b).
#include <string>
#include <string_view>

namespace dq::text {

// A letter, a number or "_": what \w matches.
bool is_word_char(char32_t c);

// Where `word` stands by itself at or after `from`, letter for letter; npos when it does not.
std::size_t find_own_word(std::u32string_view text, std::u32string_view word, std::size_t from = 0);

// Lower case where that is one letter, so that places in the text stay what they are.
std::u32string folded(std::u32string_view text);

// The same for UTF-8, in any case. `word` is not empty.
bool holds_word(std::string_view text, std::string_view word);
// The text with `by` wherever the word stands.
std::string replace_word(std::string_view text, std::string_view word, std::string_view by);

}  // namespace dq::text
