#pragma once
// The bitmaps of a colour font, by the characters that they stand for. The file is untrusted.
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_reader.h"

namespace dq::mini {

class EmojiFont {
 public:
  // `file` must outlive the font. Throws kBadFile, and kUnsupported for a font without CBLC/CBDT bitmaps.
  explicit EmojiFont(Bytes file);

  // The PNG file of what this text is drawn as; empty when it is not one single glyph with a bitmap.
  Bytes png(std::u32string_view text) const;

  std::size_t bitmap_count() const { return bitmaps_.size(); }
  std::size_t character_count() const { return glyphs_.size(); }

 private:
  using Glyph = std::uint16_t;
  struct Table {
    Bytes bytes;
    std::uint64_t offset;
  };
  // One GSUB lookup of type 4: first glyph → its ligatures, in the font's order of preference.
  struct Ligature {
    std::vector<Glyph> rest;
    Glyph result;
  };
  using Ligatures = std::unordered_map<Glyph, std::vector<Ligature>>;

  Table table(std::string_view tag) const;
  void read_characters(Table cmap);
  void read_bitmaps(Table index, Table data);
  void read_bitmap_range(Table index, Table data, std::uint64_t array, std::uint32_t entry);
  void read_substitutions(Table gsub);
  static void read_ligatures(Table gsub, std::uint64_t subtable, Ligatures& out);
  static std::vector<Glyph> apply(const Ligatures& ligatures, const std::vector<Glyph>& glyphs);

  std::map<std::string_view, Table> tables_;
  std::unordered_map<char32_t, Glyph> glyphs_;
  std::unordered_map<Glyph, Bytes> bitmaps_;
  std::vector<Ligatures> lookups_;
};

}  // namespace dq::mini
