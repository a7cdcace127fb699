// Decoding, classes, case and composition.
#include "text/unicode.h"

#include <gtest/gtest.h>

namespace dq::text {
namespace {

TEST(Unicode, DecodesEveryLength) {
  EXPECT_EQ(decode_utf8("a\u00E9\u4E00\U0001F600"), U"a\u00E9\u4E00\U0001F600");
  EXPECT_EQ(decode_utf8(std::string_view("\0x", 2)), std::u32string_view(U"\0x", 2));
}

TEST(Unicode, EncodesWhatItDecodes) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string bytes;
    append_utf8(bytes, c);
    ASSERT_EQ(decode_utf8(bytes), std::u32string(1, c));
  }
}

// The examples of Unicode 15, tables 3-8 to 3-11.
TEST(Unicode, IllFormedPartsBecomeReplacements) {
  const std::u32string r = U"\uFFFD";
  EXPECT_EQ(decode_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + U"A");
  EXPECT_EQ(decode_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + U"A");
  EXPECT_EQ(decode_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r + r + r + r + r + U"A" + r + r + U"B");
  EXPECT_EQ(decode_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + U"A");
}

TEST(Unicode, Classes) {
  for (const char32_t c : {U'a', U'Z', U'\u00E9', U'\u4E00', U'\u3042', U'\uAC00', U'\u05D0'}) {
    EXPECT_EQ(char_class(c), CharClass::kLetter) << std::hex << static_cast<std::uint32_t>(c);
  }
  for (const char32_t c : {U'0', U'9', U'\u00BD', U'\u0663', U'\u2163', U'\u2460'}) {
    EXPECT_EQ(char_class(c), CharClass::kNumber) << std::hex << static_cast<std::uint32_t>(c);
  }
  for (const char32_t c : {U' ', U'\t', U'\u0085', U'\u00A0', U'\u2028', U'\u3000'}) {
    EXPECT_EQ(char_class(c), CharClass::kSpace) << std::hex << static_cast<std::uint32_t>(c);
  }
  for (const char32_t c :
       {U'!', U'_', U'\x1C', U'\u0301', U'\u200B', U'\u200D', U'\uFEFF', U'\uFFFD', U'\U0001F600'}) {
    EXPECT_EQ(char_class(c), CharClass::kOther) << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(Unicode, LowerCase) {
  EXPECT_EQ(lower_case(U"AbC \u00C9\u0178\u03A3\u0416\u1E9E\u212A"), U"abc \u00E9\u00FF\u03C3\u0436\u00DFk");
  EXPECT_EQ(lower_case(U"\u0130"), U"i\u0307");
  EXPECT_EQ(lower_case(U"\u0101\u0100\u0102"), U"\u0101\u0101\u0103");  // every second one is a capital
  EXPECT_EQ(lower_case(U"\U00010400"), U"\U00010428");
}

TEST(Unicode, Composes) {
  EXPECT_EQ(compose(U"plain"), U"plain");
  EXPECT_EQ(compose(U"e\u0301 a\u0323\u0307"), U"\u00E9 \u1EA1\u0307");
  EXPECT_EQ(compose(U"\u1112\u1161\u11AB"), U"\uD55C");
  EXPECT_EQ(compose(U"\u0958 \u212B"), U"\u0915\u093C \u00C5");
  EXPECT_EQ(compose(U"\U00011099\U000110BA"), U"\U0001109A");
}

// Marks and pairs that are younger than Unicode 9 stay where and as they are.
TEST(Unicode, YoungMarksDoNotMove) {
  EXPECT_EQ(compose(U"a\u08CE\u0325"), U"a\u08CE\u0325");
  EXPECT_EQ(compose(U"\U00011935\U00011930"), U"\U00011935\U00011930");
}

}  // namespace
}  // namespace dq::text
