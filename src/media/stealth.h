#pragma once
// Texts hidden in the lowest bits of a lossless picture, as the "stealth pnginfo" extension of WebUI and
// NovelAI write.
//
//   15 letters: "stealth_pnginfo" or "stealth_pngcomp" in alpha, "stealth_rgbinfo" or "stealth_rgbcomp" in
//   RGB u32 BE: length of the text in bits the text, UTF-8; gzip in the "comp" forms
//
// Bits run from the highest of each byte, pixels from top to bottom in each column, columns from left to
// right; in RGB one bit each of red, green and blue.
#include <optional>
#include <string>

#include "media/image.h"

namespace dq::media {

// The hidden text, or nothing. Never throws on strange pixels.
std::optional<std::string> read_stealth(const Image& image);

}  // namespace dq::media
