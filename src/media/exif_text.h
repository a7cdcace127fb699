#pragma once
// Our texts in an EXIF block, and back: which key lives in which tag (media/metadata.h).
#include "media/codec.h"
#include "media/exif.h"

namespace dq::media {

// Texts of an EXIF block, in the order of its fields.
std::vector<TextEntry> exif_texts(Bytes block);

// The block for these texts; empty when there are none. Throws kInvalidArgument when two have one key, a text
// is not UTF-8, or more than ten have keys of their own.
std::vector<std::byte> exif_block(const std::vector<TextEntry>& texts);

}  // namespace dq::media
