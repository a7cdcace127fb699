#pragma once
// The eight plain shapes, anti-aliased from their distance functions.
#include <array>
#include <string_view>

#include "media/image.h"

namespace dq::mini {

inline constexpr int kShapes = 8;

struct ShapeName {
  std::string_view en, plural, zh;
};

// circle, square, triangle, star, heart, diamond, cross, ring.
const std::array<ShapeName, kShapes>& shape_names();

// How far a shape of width 1 reaches from its centroid, in 1/256 of its width.
struct ShapeReach {
  int left, up, right, down;
};
const ShapeReach& shape_reach(int shape);

// The shape's signed distance at (x, y) from its centroid, for a shape of width 1; negative inside.
double shape_distance(int shape, double x, double y);

// Fills the shape with its centroid at (x, y) and about `size` wide, all in 1/256 pixel.
void draw_shape(media::Image& canvas, int shape, const media::Rgb& colour, int x, int y, int size);

}  // namespace dq::mini
