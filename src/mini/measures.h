#pragma once
// What can be read off a picture without a network: for checks of what was composed, or painted.
#include <cstdint>
#include <vector>

#include "media/image.h"

namespace dq::mini {

inline constexpr int kRing = 4;  // pixels
inline constexpr int kForeground =
    32;  // of 255: more than a background's shading, less than two colours apart

// The mean colour of the outermost `ring` pixels. The image is RGB, as everywhere here.
media::Rgb border_mean(const media::Image& image, int ring = kRing);

// The palette colour nearest to it.
int background_colour(const media::Image& image, int ring = kRing);

// One byte a pixel, 0 or 1.
struct Mask {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
  int area() const;
};

// Where some channel differs from `background` by more than `threshold`.
Mask foreground(const media::Image& image, const media::Rgb& background, int threshold = kForeground);

// What stands out before the border's mean in a picture that was painted, whose background is less even than
// a composed one's.
Mask painted_foreground(const media::Image& image);

// The mean position of the mask's pixel centres, in pixels; the middle when the mask is empty.
struct Position {
  double x, y;
};
Position centroid(const Mask& mask);

// The cell of a 3×3 grid, by rows from the top left.
int cell_of(const Position& position, int width, int height);

// A connected (8 neighbours) part of a mask.
struct Component {
  int area = 0;
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // the box, right and bottom ends excluded
  Position centroid{};
  media::Rgb colour{};  // the mean of the pixels that lie inside, away from the blended edge
};

// Those of at least `min_area` pixels, largest first.
std::vector<Component> components(const media::Image& image, const Mask& mask, int min_area = 24);

// Peak signal-to-noise ratio over all channels, in dB; 78 for equal pictures. Throws kInvalidArgument for
// different sizes.
double psnr(const media::Image& a, const media::Image& b);

// |a ∩ b| / |a ∪ b|; 1 when both are empty. Throws kInvalidArgument for different sizes.
double intersection_over_union(const Mask& a, const Mask& b);

}  // namespace dq::mini
