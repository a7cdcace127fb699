#include "text/own_word.h"

#include "text/unicode.h"

namespace dq::text {

bool is_word_char(char32_t c) {
  const CharClass kind = char_class(c);
  return c == U'_' || kind == CharClass::kLetter || kind == CharClass::kNumber;
}

std::size_t find_own_word(std::u32string_view text, std::u32string_view word, std::size_t from) {
  for (std::size_t at = text.find(word, from); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_char(text[at - 1])) && (end == text.size() || !is_word_char(text[end])))
      return at;
  }
  return text.npos;
}

std::u32string folded(std::u32string_view text) {
  std::u32string out(text);
  for (char32_t& c : out) {
    const std::u32string lower = lower_case({&c, 1});
    if (lower.size() == 1) c = lower[0];
  }
  return out;
}

bool holds_word(std::string_view text, std::string_view word) {
  const std::u32string all = folded(decode_utf8(text));
  return find_own_word(all, folded(decode_utf8(word))) != all.npos;
}

std::string replace_word(std::string_view text, std::string_view word, std::string_view by) {
  const std::u32string whole = decode_utf8(text), all = folded(whole), wanted = folded(decode_utf8(word));
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = find_own_word(all, wanted, done)) != all.npos; done = at + wanted.size()) {
    out += encode_utf8(std::u32string_view(whole).substr(done, at - done));
    out += by;
  }
  return out + encode_utf8(std::u32string_view(whole).substr(done));
}

}  // namespace dq::text
