#pragma once
// Numbers drawn with signs of 3×5 dots, for pictures that say a number and need no font.
#include <string>

#include "media/image.h"

namespace dq::train {

struct Corner {
  int x, y;  // pixels
};

inline constexpr int kSignWidth = 8, kSignHeight = 10;  // pixels from sign to sign, and of a sign

// Digits, ".", "-", "e" and "k"; other signs leave a gap. Parts outside the picture are left out. RGB.
void write_number(media::Image& image, Corner at, const std::string& text, media::Rgb colour);

}  // namespace dq::train
