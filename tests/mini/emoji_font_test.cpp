#include "mini/emoji_font.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace dq::mini {
namespace {

void put16(std::string& out, unsigned v) {
  (out += static_cast<char>(v >> 8)) += static_cast<char>(v);
}
void put32(std::string& out, unsigned v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}

std::string cmap() {
  std::string t;
  for (const unsigned v : {0u, 1u, 3u, 10u}) put16(t, v);
  put32(t, 12);
  put16(t, 12);
  put16(t, 0);
  for (const unsigned v : {16u + 2 * 12, 0u, 2u}) put32(t, v);
  for (const unsigned v : {0x1F600u, 0x1F601u, 1u, 0x200Du, 0x200Du, 3u}) put32(t, v);
  return t;
}

// Glyphs 1–4; glyph 3 (the joiner) has no bitmap. The "PNG" of glyph g is the letter 'a' + g, g times.
std::string cblc_and_cbdt(std::string& cbdt) {
  std::string t;
  put32(t, 0x30000);
  put32(t, 1);
  put32(t, 56);
  t.append(4, '\0');
  put32(t, 1);
  t.append(36, '\0');
  put16(t, 1);
  put16(t, 4);
  put32(t, 8);
  put16(t, 1);
  put16(t, 17);
  put32(t, 4);  // the images begin after CBDT's version
  cbdt.assign(4, '\0');
  for (unsigned g = 1; g <= 5; ++g) {
    put32(t, static_cast<unsigned>(cbdt.size()) - 4);
    if (g == 3 || g == 5) continue;
    cbdt.append(5, '\0');
    put32(cbdt, g);
    cbdt.append(g, static_cast<char>('a' + g));
  }
  return t;
}

// Glyphs 1, 3, 2 → 4.
std::string gsub() {
  std::string t;
  for (const unsigned v : {1u, 0u, 0u, 0u, 10u}) put16(t, v);
  for (const unsigned v : {1u, 4u}) put16(t, v);                  // the lookup list
  for (const unsigned v : {4u, 0u, 1u, 8u}) put16(t, v);          // a lookup of ligatures, one subtable
  for (const unsigned v : {1u, 8u, 1u, 14u}) put16(t, v);         // the subtable: coverage, one set
  for (const unsigned v : {1u, 1u, 1u}) put16(t, v);              // coverage: glyph 1
  for (const unsigned v : {1u, 4u, 4u, 3u, 3u, 2u}) put16(t, v);  // the set, and its ligature
  return t;
}

std::string font() {
  std::string cbdt;
  const std::string index = cblc_and_cbdt(cbdt);
  const std::pair<const char*, std::string> tables[] = {
      {"CBDT", cbdt}, {"CBLC", index}, {"GSUB", gsub()}, {"cmap", cmap()}};
  std::string out, body;
  put32(out, 0x10000);
  put16(out, 4);
  out.append(6, '\0');
  for (const auto& [tag, bytes] : tables) {
    out += tag;
    put32(out, 0);
    put32(out, 12 + 4 * 16 + static_cast<unsigned>(body.size()));
    put32(out, static_cast<unsigned>(bytes.size()));
    body += bytes;
  }
  return out + body;
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(EmojiFont, FindsBitmapsOfCharactersAndOfSequences) {
  const std::string file = font();
  const EmojiFont f(std::as_bytes(std::span(file)));
  EXPECT_EQ(f.bitmap_count(), 3u);
  EXPECT_EQ(f.character_count(), 3u);
  EXPECT_EQ(text_of(f.png(U"\x1F600")), "b");
  EXPECT_EQ(text_of(f.png(U"\x1F601")), "cc");
  EXPECT_EQ(text_of(f.png(U"\x1F600\x200D\x1F601")), "eeee");
  EXPECT_TRUE(f.png(U"\x1F600\x1F601").empty()) << "two glyphs are no picture";
  EXPECT_TRUE(f.png(U"\x200D").empty()) << "a glyph without a bitmap";
  EXPECT_TRUE(f.png(U"x").empty()) << "a character that the font lacks";
  EXPECT_TRUE(f.png(U"").empty());
}

TEST(EmojiFont, RefusesCutFilesWithoutHarm) {
  const std::string file = font();
  for (std::size_t n = 0; n < file.size(); ++n) {
    EXPECT_THROW(EmojiFont{std::as_bytes(std::span(file.data(), n))}, Error) << n;
  }
}

TEST(EmojiFont, SurvivesChangedBytes) {
  const std::string file = font();
  int refused = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const int value : {0x00, 0x7f, 0xff}) {
      std::string changed = file;
      changed[i] = static_cast<char>(value);
      try {
        const EmojiFont f(std::as_bytes(std::span(changed)));
        EXPECT_LE(f.png(U"\x1F600\x200D\x1F601").size(), changed.size());
      } catch (const Error& e) {
        EXPECT_TRUE(e.code() == ErrorCode::kBadFile || e.code() == ErrorCode::kUnsupported) << e.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace dq::mini
