#pragma once
// EXIF blocks: a small TIFF structure (TIFF 6.0; CIPA DC-008). Only what texts and orientation need.
#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_reader.h"

namespace dq::media {

enum class ExifDirectory : std::uint8_t { kMain, kExif };  // IFD0, and the one that tag 0x8769 points to

inline constexpr std::uint16_t kTagImageDescription = 0x010e;
inline constexpr std::uint16_t kTagMake = 0x010f;
inline constexpr std::uint16_t kTagModel = 0x0110;
inline constexpr std::uint16_t kTagOrientation = 0x0112;
inline constexpr std::uint16_t kTagExifDirectory = 0x8769;
inline constexpr std::uint16_t kTagUserComment = 0x9286;

// TIFF types: 1 BYTE, 2 ASCII, 3 SHORT, 4 LONG, 5 RATIONAL, 7 UNDEFINED, …
struct ExifField {
  ExifDirectory directory = ExifDirectory::kMain;
  std::uint16_t tag = 0;
  std::uint16_t type = 0;
  Bytes value;  // a view into the block, in the block's byte order
};

struct Exif {
  std::endian order = std::endian::little;
  std::vector<ExifField> fields;

  const ExifField* find(ExifDirectory directory, std::uint16_t tag) const;
  // 1–8 as TIFF has it; 1 when absent or out of range.
  int orientation() const;
};

// `block` begins with "II" or "MM", or with "Exif\0\0" before that. Fields that point outside the block are
// left out; throws kBadFile when the block is no TIFF at all. The result refers to `block`.
Exif read_exif(Bytes block);

// The text of a UserComment: "UNICODE\0" UTF-16 in either order (a mark, else the order that gives more
// ASCII), "ASCII\0\0\0", undefined, or no prefix at all; UTF-8. Empty for JIS.
std::string user_comment_text(Bytes value);

struct ExifText {
  std::uint16_t tag = 0;
  std::string text;  // UTF-8
};

// A big-endian block with these ASCII-typed texts (as UTF-8) in IFD0 and, when given, a UserComment in
// "UNICODE\0" UTF-16BE, as piexif writes it. Without "Exif\0\0". Tags must differ.
std::vector<std::byte> write_exif(std::vector<ExifText> texts,
                                  const std::optional<std::string>& user_comment);

}  // namespace dq::media
