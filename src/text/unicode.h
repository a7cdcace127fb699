#pragma once
// The little of Unicode that tokenizers need: decoding, character classes, lower case, composition (NFC).
// Classes and case are those of Hugging Face's `tokenizers` (unicode_tables.inc), not of one Unicode version.
#include <cstdint>
#include <string>
#include <string_view>

namespace dq::text {

enum class CharClass : std::uint8_t { kOther, kSpace, kLetter, kNumber };

// Every ill-formed part becomes U+FFFD, as the WHATWG decoder does it: one for each maximal prefix of a
// well-formed sequence, else one a byte (Unicode 15, §3.9, "Substitution of Maximal Subparts").
std::u32string decode_utf8(std::string_view bytes);

// `c` must be a Unicode scalar value, as those from decode_utf8 are.
void append_utf8(std::string& out, char32_t c);
std::string encode_utf8(std::u32string_view text);

CharClass char_class(char32_t c);

// Letter by letter, without regard to neighbours or language (Σ is always σ); U+0130 becomes two.
std::u32string lower_case(std::u32string_view text);

// Normalisation form C (UAX #15) with the combining marks of Unicode 9.
std::u32string compose(std::u32string_view text);

}  // namespace dq::text
