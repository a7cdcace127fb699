#pragma once
// The atlas in memory, and drawing from it at any size.
#include <array>
#include <cstdint>
#include <vector>

#include "media/image.h"
#include "mini/palette.h"

namespace dq::mini {

// Lengths on the canvas are in 1/256 pixel.
inline constexpr int kSubpixel = 256;

class Sprites {
 public:
  // Takes cells of straight alpha; keeps them premultiplied. Throws kBadFile for an atlas that is no RGBA
  // picture of whole cells, or too small for `count`.
  Sprites(const media::Image& atlas, int count);

  int count() const { return count_; }

  // Where the content lies in the cell of kCell pixels: the edges of its box and the centroid of its opaque
  // part, in pixels.
  struct Extent {
    int x0, y0, x1, y1;
    int cx, cy;
  };
  const Extent& extent(int id) const { return extents_[static_cast<std::size_t>(id)]; }

  // For each palette colour, the share (0–1) of opaque pixels that would hardly be seen before it: ΔE < 18.
  std::array<double, kColours> hidden_shares(int id) const;

  // Draws a cell so that its centroid comes to (x, y) and the cell is `size` wide (≤ kCell pixels), all in
  // 1/256 pixel: the mean over each pixel's area, in integers. What leaves the canvas (RGB) is cut.
  void draw(media::Image& canvas, int id, int x, int y, int size) const;

 private:
  const std::uint8_t* cell(int id) const;

  int count_;
  std::vector<std::uint8_t> pixels_;  // [count, kCell, kCell, 4], premultiplied
  std::vector<Extent> extents_;
};

}  // namespace dq::mini
