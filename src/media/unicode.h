#pragma once
// Between the encodings that image metadata comes in. Texts inside the program are UTF-8.
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"

namespace dq::media {

// Well-formed UTF-8 as Unicode 15 table 3-7 has it: no overlong forms, no surrogates, at most U+10FFFF.
bool is_utf8(std::string_view text);
bool is_ascii(std::string_view text);

std::string latin1_to_utf8(std::string_view text);
// The text itself when it is UTF-8, else its bytes read as Latin-1.
std::string to_utf8(std::string_view text);

// A lone surrogate becomes U+FFFD; an odd last byte is dropped.
std::string utf16_to_utf8(Bytes text, std::endian order);
// Big-endian, without a mark. `text` must be UTF-8.
std::vector<std::byte> utf8_to_utf16be(std::string_view text);

// Appends one code point (≤ U+10FFFF).
void append_utf8(std::string& out, char32_t code);

}  // namespace dq::media
