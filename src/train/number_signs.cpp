#include "train/number_signs.h"

#include <algorithm>
#include <array>

namespace dq::train {
namespace {

constexpr int kZoom = 2;

// 3×5 pixel signs, a row a number, the left column in bit 2.
struct Glyph {
  char sign;
  std::array<std::uint8_t, 5> rows;
};
constexpr std::array<Glyph, 14> kGlyphs{{{'0', {7, 5, 5, 5, 7}},
                                         {'1', {2, 6, 2, 2, 7}},
                                         {'2', {7, 1, 7, 4, 7}},
                                         {'3', {7, 1, 7, 1, 7}},
                                         {'4', {5, 5, 7, 1, 1}},
                                         {'5', {7, 4, 7, 1, 7}},
                                         {'6', {7, 4, 7, 5, 7}},
                                         {'7', {7, 1, 1, 2, 2}},
                                         {'8', {7, 5, 7, 5, 7}},
                                         {'9', {7, 5, 7, 1, 7}},
                                         {'.', {0, 0, 0, 0, 2}},
                                         {'-', {0, 0, 7, 0, 0}},
                                         {'e', {0, 7, 7, 4, 7}},
                                         {'k', {4, 5, 6, 6, 5}}}};

}  // namespace

void write_number(media::Image& image, Corner at, const std::string& text, media::Rgb colour) {
  for (const char sign : text) {
    const auto glyph =
        std::find_if(kGlyphs.begin(), kGlyphs.end(), [&](const Glyph& g) { return g.sign == sign; });
    for (int row = 0; glyph != kGlyphs.end() && row < 5 * kZoom; ++row) {
      for (int column = 0; column < 3 * kZoom; ++column) {
        const int bits = glyph->rows[static_cast<std::size_t>(row / kZoom)];
        const int x = at.x + column, y = at.y + row;
        const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
        if (inside && bits >> (2 - column / kZoom) & 1)
          std::copy(colour.begin(), colour.end(), image.row(y) + 3 * x);
      }
    }
    at.x += kSignWidth;
  }
}

}  // namespace dq::train
