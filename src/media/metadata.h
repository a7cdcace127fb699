#pragma once
// The texts that image files carry about how a picture was made, wherever programs put them.
//
//   PNG   tEXt, zTXt and iTXt chunks, before or after the pixels; the eXIf chunk
//   JPEG  EXIF (APP1), comments (COM)
//   WebP  EXIF chunk
//   all   bits hidden in the lowest bit of alpha or RGB ("stealth", media/stealth.h)
//
// How we write them. PNG: one text chunk a key. JPEG and WebP: an EXIF block in which UserComment (0x9286,
// UTF-16 behind "UNICODE\0") holds "parameters", as WebUI writes and reads it, and IFD0 holds every other
// text as "key:text": "prompt" in Model (0x0110), the rest from Make (0x010F) downward, as ComfyUI does in
// WebP. A JPEG's EXIF block ends at 64 KiB; texts that do not fit there follow in COM segments
// (media/jpeg_file.h).
#include "media/codec.h"

namespace dq::media {

inline constexpr std::uint64_t kMaxTextBytes = 8ull << 20;        // one text, after inflating
inline constexpr std::uint64_t kMaxTextTotalBytes = 16ull << 20;  // all texts of a file
inline constexpr std::size_t kMaxTexts = 1000;

// Every text of a file in the order of the file, by content, without decoding pixels. The EXIF UserComment
// comes as "parameters", as in WebUI; "key:text" values of IFD0 come under their key, other EXIF texts under
// "exif:Model" and the like; comments as "comment". Damage behind the first readable text does not hide that
// text; a file whose very structure is broken throws kBadFile. Throws kUnsupported beyond the limits.
std::vector<TextEntry> read_texts(Bytes file);

// The same, and when nothing is found, the bits hidden in the pixels (which needs a full decode).
std::vector<TextEntry> read_texts_and_stealth(Bytes file, const ImageLimits& limits = {});

// The text of `key`, or null.
const std::string* find_text(const std::vector<TextEntry>& texts, std::string_view key);

}  // namespace dq::media
