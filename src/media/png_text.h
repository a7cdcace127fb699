#pragma once
// The text chunks of a PNG file (ISO/IEC 15948:2004, 11.3.4).
#include <array>
#include <optional>

#include "media/codec.h"

namespace dq::media {

struct PngChunk {
  std::array<char, 5> type{};  // with a closing NUL
  std::vector<std::byte> data;
};

// The chunk for a text: tEXt when it is ASCII, else uncompressed iTXt (tEXt is Latin-1, and readers differ on
// what they make of it). NUL bytes are left out. Throws kInvalidArgument when the key is not 1–79 printable
// ASCII characters or the text is not UTF-8.
PngChunk png_text_chunk(const TextEntry& entry);

// All texts, before and after the pixels, in the order of the file; ComfyUI's "comf" chunk too. Text that is
// well-formed UTF-8 is taken as such even in tEXt. Reading ends quietly where the file is cut short.
// Throws kBadFile when the file is no PNG, kUnsupported when a text is beyond the limits of media/metadata.h.
std::vector<TextEntry> read_png_texts(Bytes file);

// The eXIf chunk's data.
std::optional<Bytes> png_exif(Bytes file);

}  // namespace dq::media
