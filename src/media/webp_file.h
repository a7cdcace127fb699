#pragma once
// WebP (RFC 9649) through libwebp, and the RIFF chunks around its pixels.
//
//   "RIFF" | u32 LE size of the rest | "WEBP" | chunks: four letters | u32 LE size | data | a zero byte when
//   odd
//
// A plain file holds one "VP8 " or "VP8L" chunk; an extended one "VP8X", then perhaps ICCP, ANIM, ANMF
// (frames), ALPH, the pixels, EXIF and XMP.
#include <optional>

#include "media/codec.h"

namespace dq::media {

// The EXIF chunk. Damage behind the header hides it; throws kBadFile when the file is no WebP.
std::optional<Bytes> webp_exif(Bytes file);

// Lossy, lossless, with or without alpha; of an animation the first frame, on its canvas.
Image decode_webp(Bytes file, const ImageLimits& limits);

std::vector<std::byte> encode_webp(const Image& image, const EncodeOptions& options);

}  // namespace dq::media
