#include "media/text_scan.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace dq::media {

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || size > text.size() - at) return {0xfffd, 1};
  char32_t code = lead & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0xfffd, 1};
    code = (code << 6) | (byte(i) & 0x3fu);
  }
  return {code, size};
}

bool is_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
         code == 0x202f || code == 0x205f || code == 0x3000;
}

bool is_word(char32_t code) {
  if (code < 0x80) {
    return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           code == '_';
  }
  struct Range {
    char32_t first, last;
  };
  constexpr std::array<Range, 24> kNotWord = {{
      {0x80, 0xa9},     {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},     {0xbb, 0xbb},
      {0xbf, 0xbf},     {0xd7, 0xd7},     {0xf7, 0xf7},     {0x300, 0x36f},   {0x2000, 0x206f},
      {0x20a0, 0x20ff}, {0x2190, 0x245f}, {0x249c, 0x24e9}, {0x2500, 0x2775}, {0x2794, 0x2bff},
      {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xfe00, 0xfe6f}, {0xff00, 0xff0f},
      {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xffff},
  }};
  if (code >= 0xd800 && code < 0xf900) return false;
  if (code >= 0x1f000 && code <= 0x1faff) return false;
  return std::none_of(kNotWord.begin(), kNotWord.end(),
                      [code](const Range& r) { return code >= r.first && code <= r.last; });
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = code_point_at(text, 0);
    if (!is_space(c.value)) break;
    text.remove_prefix(c.bytes);
  }
  while (!text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < 4 && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80) --at;
    const CodePoint c = code_point_at(text, at);
    if (!is_space(c.value) || at + c.bytes != text.size()) break;
    text.remove_suffix(c.bytes);
  }
  return text;
}

}  // namespace dq::media
