#pragma once
// PNG pixels (ISO/IEC 15948:2004) through libpng. Texts are handled in png_text.h.
#include "media/codec.h"

namespace dq::media {

inline constexpr int kPngSignatureBytes = 8;

// Any colour type, bit depth and interlacing; of an animated PNG the default image.
Image decode_png(Bytes file, const ImageLimits& limits);

std::vector<std::byte> encode_png(const Image& image, const std::vector<TextEntry>& texts);

}  // namespace dq::media
