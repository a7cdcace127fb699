#include <algorithm>
#include <charconv>

#include "media/exif_text.h"
#include "media/jpeg_file.h"
#include "media/metadata.h"
#include "media/unicode.h"

namespace dq::media {

std::vector<JpegSegment> jpeg_segments(Bytes file) {
  ByteReader reader(file);
  if (reader.big<std::uint16_t>("the JPEG signature") != 0xffd8) {
    throw Error(ErrorCode::kBadFile, "the file does not begin as a JPEG").at(0);
  }
  std::vector<JpegSegment> out;
  while (reader.left() >= 4 && out.size() < kMaxTexts) {
    if (reader.little<std::uint8_t>("a JPEG marker") != 0xff) break;
    std::uint8_t marker = 0xff;
    while (marker == 0xff && !reader.at_end())
      marker = reader.little<std::uint8_t>("a JPEG marker");             // fill bytes
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;  // markers without a length
    if (marker == 0xda || marker == 0xd9 || reader.left() < 2) break;
    const auto length = reader.big<std::uint16_t>("a JPEG segment");
    if (length < 2 || length - 2u > reader.left()) break;
    out.push_back({marker, reader.take(length - 2u, "a JPEG segment")});
  }
  return out;
}

std::optional<Bytes> jpeg_exif(const std::vector<JpegSegment>& segments) {
  constexpr std::string_view kMark("Exif\0\0", 6);
  for (const JpegSegment& segment : segments) {
    const std::string_view text(reinterpret_cast<const char*>(segment.data.data()), segment.data.size());
    if (segment.marker == 0xe1 && text.substr(0, 6) == kMark) return segment.data.subspan(6);
  }
  return {};
}

namespace {

struct Part {
  std::string_view key, text;
  int index = 0, count = 0;
};

// "key i/n:text", as encode_jpeg writes what EXIF cannot hold.
std::optional<Part> split_part(std::string_view comment) {
  const std::size_t colon = comment.substr(0, 100).find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view head = comment.substr(0, colon);
  const std::size_t space = head.rfind(' '), slash = head.rfind('/');
  if (space == std::string_view::npos || slash == std::string_view::npos || slash < space || space == 0)
    return {};
  Part part{head.substr(0, space), comment.substr(colon + 1), 0, 0};
  const auto whole = [&](std::size_t first, std::size_t last, int& value) {
    const auto [end, error] = std::from_chars(head.data() + first, head.data() + last, value);
    return error == std::errc{} && end == head.data() + last;
  };
  if (!whole(space + 1, slash, part.index) || !whole(slash + 1, head.size(), part.count)) return {};
  if (part.index < 1 || part.count < part.index || part.count > 1000) return {};
  return part;
}

}  // namespace

std::vector<TextEntry> read_jpeg_texts(Bytes file) {
  const std::vector<JpegSegment> segments = jpeg_segments(file);
  std::vector<TextEntry> out;
  if (const auto exif = jpeg_exif(segments)) {
    try {
      out = exif_texts(*exif);
    } catch (const Error&) {
      out.clear();  // a broken EXIF block does not hide the comments
    }
  }
  std::string joined;
  int expected = 1;
  for (const JpegSegment& segment : segments) {
    if (segment.marker != 0xfe) continue;
    const std::string_view text(reinterpret_cast<const char*>(segment.data.data()), segment.data.size());
    const std::optional<Part> part = split_part(text);
    if (!part || part->index != expected) {
      expected = 1;
      joined.clear();
      if (!part && !text.empty()) out.push_back({"comment", to_utf8(text)});
      continue;
    }
    joined += part->text;
    ++expected;
    if (part->index < part->count) continue;
    out.push_back({std::string(part->key), to_utf8(joined)});
    expected = 1;
    joined.clear();
  }
  return out;
}

}  // namespace dq::media
