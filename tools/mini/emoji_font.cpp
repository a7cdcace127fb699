// OpenType, all numbers big-endian (Microsoft, "OpenType specification" 1.9):
//   file    u32 version, u16 tables, 6 bytes, then a table: tag[4], u32 checksum, u32 offset, u32 length
//   cmap    u16 0, u16 n, n × (u16 platform, u16 encoding, u32 offset); of these the one of format 12:
//           u16 12, u16 0, u32 length, u32 language, u32 groups, groups × (u32 first, u32 last, u32 glyph)
//   CBLC    u16 major, u16 minor, u32 sizes, sizes × 48 bytes: u32 array offset, u32, u32 subtables, …;
//           an array of (u16 first, u16 last, u32 offset) and, for format 1, u16 1, u16 image format 17,
//           u32 offset into CBDT, (last − first + 2) × u32 offsets
//   CBDT    image format 17: u8 height, width, i8 bearings ×2, u8 advance, u32 length, a PNG file
//   GSUB    u16 major, minor, script list, feature list, lookup list (offsets); lookups of type 4 join
//   glyphs:
//           u16 1, u16 coverage, u16 sets, offsets → u16 n, offsets → u16 result, u16 count, count − 1 glyphs
#include "mini/emoji_font.h"

#include <algorithm>

#include "base/error.h"

namespace dq::mini {
namespace {

constexpr std::uint32_t kMaxGroups = 1 << 16;
constexpr std::uint32_t kMaxGlyphs = 1 << 16;
constexpr std::uint32_t kMaxSubtables = 4096;
constexpr std::uint32_t kMaxPngBytes = 1 << 18;
constexpr std::uint16_t kLigatureLookup = 4;
constexpr std::size_t kMaxText = 64;

ByteReader reader_at(Bytes bytes, std::uint64_t base, std::uint64_t position, const char* what) {
  ByteReader reader(bytes, base);
  reader.seek(position, what);
  return reader;
}

[[noreturn]] void too_many(const char* what, const ByteReader& reader) {
  throw Error(ErrorCode::kBadFile, std::string("the font has too many ") + what).at(reader.offset());
}

// Both formats of a coverage table: a list of glyphs, or ranges of them.
std::vector<std::uint16_t> read_coverage(ByteReader r) {
  const auto format = r.big<std::uint16_t>("a coverage table");
  const auto n = r.big<std::uint16_t>("a coverage table");
  std::vector<std::uint16_t> out;
  for (std::uint32_t i = 0; i < n; ++i) {
    const auto first = r.big<std::uint16_t>("a coverage table");
    if (format == 1) {
      out.push_back(first);
      continue;
    }
    const auto last = r.big<std::uint16_t>("a coverage table");
    r.skip(2, "a coverage table");
    for (std::uint32_t g = first; g <= last; ++g) out.push_back(static_cast<std::uint16_t>(g));
    if (out.size() > kMaxGlyphs) too_many("covered glyphs", r);
  }
  return out;
}

}  // namespace

EmojiFont::EmojiFont(Bytes file) {
  ByteReader r(file);
  r.skip(4, "the font's header");
  const auto count = r.big<std::uint16_t>("the font's header");
  r.skip(6, "the font's header");
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view tag = r.take_text(4, "the table directory");
    r.skip(4, "the table directory");
    const auto offset = r.big<std::uint32_t>("the table directory");
    const auto length = r.big<std::uint32_t>("the table directory");
    ByteReader at = reader_at(file, 0, offset, "a table");
    tables_.emplace(tag, Table{at.take(length, "a table"), offset});
  }
  read_characters(table("cmap"));
  read_bitmaps(table("CBLC"), table("CBDT"));
  if (tables_.contains("GSUB")) read_substitutions(table("GSUB"));
}

EmojiFont::Table EmojiFont::table(std::string_view tag) const {
  const auto found = tables_.find(tag);
  if (found == tables_.end()) {
    throw Error(ErrorCode::kUnsupported, "the font has no table " + std::string(tag))
        .hint("Take NotoColorEmoji.ttf of Debian's package fonts-noto-color-emoji.");
  }
  return found->second;
}

void EmojiFont::read_characters(Table cmap) {
  ByteReader r(cmap.bytes, cmap.offset);
  r.skip(2, "cmap");
  const auto n = r.big<std::uint16_t>("cmap");
  for (std::uint32_t i = 0; i < n; ++i) {
    r.skip(4, "cmap");
    ByteReader t = reader_at(cmap.bytes, cmap.offset, r.big<std::uint32_t>("cmap"), "a cmap subtable");
    if (t.big<std::uint16_t>("cmap") != 12) continue;
    t.skip(10, "cmap");
    const auto groups = t.big<std::uint32_t>("cmap");
    if (groups > kMaxGroups) too_many("character ranges", t);
    for (std::uint32_t g = 0; g < groups; ++g) {
      const auto first = t.big<std::uint32_t>("cmap"), last = t.big<std::uint32_t>("cmap");
      const auto glyph = t.big<std::uint32_t>("cmap");
      if (last < first || last > 0x10ffff || last - first >= kMaxGlyphs || glyph >= kMaxGlyphs ||
          glyph + (last - first) >= kMaxGlyphs) {
        throw Error(ErrorCode::kBadFile, "a range of characters is impossible").at(t.offset());
      }
      for (std::uint32_t c = first; c <= last; ++c) {
        glyphs_.emplace(static_cast<char32_t>(c), static_cast<Glyph>(glyph + (c - first)));
      }
      if (glyphs_.size() > 0x110000) too_many("characters", t);
    }
  }
}

void EmojiFont::read_bitmaps(Table index, Table data) {
  ByteReader r(index.bytes, index.offset);
  r.skip(4, "CBLC");
  if (r.big<std::uint32_t>("CBLC") == 0) throw Error(ErrorCode::kUnsupported, "the font has no bitmap sizes");
  const auto array = r.big<std::uint32_t>("CBLC");  // of the first size; this font has one
  r.skip(4, "CBLC");
  const auto subtables = r.big<std::uint32_t>("CBLC");
  if (subtables > kMaxSubtables) too_many("bitmap ranges", r);
  for (std::uint32_t i = 0; i < subtables; ++i) read_bitmap_range(index, data, array, i);
}

void EmojiFont::read_bitmap_range(Table index, Table data, std::uint64_t array, std::uint32_t entry) {
  ByteReader r = reader_at(index.bytes, index.offset, array + 8ull * entry, "a bitmap range");
  const auto first = r.big<std::uint16_t>("CBLC"), last = r.big<std::uint16_t>("CBLC");
  r.seek(array + r.big<std::uint32_t>("CBLC"), "a bitmap range");
  const auto index_format = r.big<std::uint16_t>("CBLC"), image_format = r.big<std::uint16_t>("CBLC");
  if (index_format != 1 || image_format != 17) {
    throw Error(ErrorCode::kUnsupported, "the font's bitmaps are not PNG files with small metrics")
        .at(r.offset());
  }
  const std::uint64_t images = r.big<std::uint32_t>("CBLC");
  std::uint64_t begin = r.big<std::uint32_t>("CBLC");
  for (std::uint32_t glyph = first; glyph <= last; ++glyph) {
    const std::uint64_t end = r.big<std::uint32_t>("CBLC");
    if (end > begin) {  // equal offsets: this glyph has no bitmap
      ByteReader image = reader_at(data.bytes, data.offset, images + begin, "a bitmap");
      image.skip(5, "a bitmap");
      const auto length = image.big<std::uint32_t>("a bitmap");
      if (length > kMaxPngBytes) too_many("bytes in one bitmap", image);
      bitmaps_.insert_or_assign(static_cast<Glyph>(glyph), image.take(length, "a bitmap"));
    }
    begin = end;
  }
}

void EmojiFont::read_substitutions(Table gsub) {
  ByteReader r(gsub.bytes, gsub.offset);
  r.skip(8, "GSUB");
  const std::uint64_t list = r.big<std::uint16_t>("GSUB");
  r.seek(list, "the lookup list");
  const auto lookups = r.big<std::uint16_t>("GSUB");
  for (std::uint32_t i = 0; i < lookups; ++i) {
    const std::uint64_t lookup = list + r.big<std::uint16_t>("GSUB");
    ByteReader t = reader_at(gsub.bytes, gsub.offset, lookup, "a lookup");
    if (t.big<std::uint16_t>("GSUB") != kLigatureLookup) continue;
    t.skip(2, "GSUB");
    const auto subtables = t.big<std::uint16_t>("GSUB");
    if (subtables > kMaxSubtables) too_many("ligature subtables", t);
    Ligatures ligatures;
    for (std::uint32_t s = 0; s < subtables; ++s) {
      read_ligatures(gsub, lookup + t.big<std::uint16_t>("GSUB"), ligatures);
    }
    lookups_.push_back(std::move(ligatures));
  }
}

void EmojiFont::read_ligatures(Table gsub, std::uint64_t subtable, Ligatures& out) {
  ByteReader r = reader_at(gsub.bytes, gsub.offset, subtable, "a ligature subtable");
  r.skip(2, "GSUB");
  const std::uint64_t coverage = subtable + r.big<std::uint16_t>("GSUB");
  const std::vector<Glyph> firsts =
      read_coverage(reader_at(gsub.bytes, gsub.offset, coverage, "a coverage table"));
  const auto sets = r.big<std::uint16_t>("GSUB");
  std::uint32_t total = 0;
  for (std::size_t s = 0; s < std::min<std::size_t>(sets, firsts.size()); ++s) {
    const std::uint64_t set = subtable + r.big<std::uint16_t>("GSUB");
    ByteReader t = reader_at(gsub.bytes, gsub.offset, set, "a ligature set");
    const auto count = t.big<std::uint16_t>("GSUB");
    total += count;
    if (total > kMaxGlyphs) too_many("ligatures", t);
    for (std::uint32_t i = 0; i < count; ++i) {
      ByteReader l = reader_at(gsub.bytes, gsub.offset, set + t.big<std::uint16_t>("GSUB"), "a ligature");
      Ligature ligature;
      ligature.result = l.big<std::uint16_t>("GSUB");
      const auto parts = l.big<std::uint16_t>("GSUB");
      if (parts == 0 || parts > kMaxText) too_many("glyphs in one ligature", l);
      for (std::uint32_t p = 1; p < parts; ++p) ligature.rest.push_back(l.big<std::uint16_t>("GSUB"));
      out[firsts[s]].push_back(std::move(ligature));
    }
  }
}

std::vector<EmojiFont::Glyph> EmojiFont::apply(const Ligatures& ligatures, const std::vector<Glyph>& glyphs) {
  std::vector<Glyph> out;
  for (std::size_t i = 0; i < glyphs.size();) {
    const auto found = ligatures.find(glyphs[i]);
    std::size_t used = 1;
    Glyph result = glyphs[i];
    if (found != ligatures.end()) {
      for (const Ligature& l : found->second) {
        if (l.rest.size() < glyphs.size() - i &&
            std::equal(l.rest.begin(), l.rest.end(), glyphs.begin() + static_cast<std::ptrdiff_t>(i) + 1)) {
          result = l.result;
          used = 1 + l.rest.size();
          break;
        }
      }
    }
    out.push_back(result);
    i += used;
  }
  return out;
}

Bytes EmojiFont::png(std::u32string_view text) const {
  if (text.empty() || text.size() > kMaxText) return {};
  std::vector<Glyph> glyphs;
  for (const char32_t c : text) {
    const auto found = glyphs_.find(c);
    if (found == glyphs_.end()) return {};
    glyphs.push_back(found->second);
  }
  for (const Ligatures& lookup : lookups_) glyphs = apply(lookup, glyphs);
  if (glyphs.size() != 1) return {};
  const auto bitmap = bitmaps_.find(glyphs[0]);
  return bitmap == bitmaps_.end() ? Bytes{} : bitmap->second;
}

}  // namespace dq::mini
