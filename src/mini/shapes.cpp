#include "mini/shapes.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace dq::mini {
namespace {

constexpr int kSubpixel = 256;

struct Point {
  double x, y;
};

constexpr std::array<ShapeName, kShapes> kNames = {{{"circle", "circles", "圆形"},
                                                    {"square", "squares", "正方形"},
                                                    {"triangle", "triangles", "三角形"},
                                                    {"star", "stars", "五角星"},
                                                    {"heart", "hearts", "心形"},
                                                    {"diamond", "diamonds", "菱形"},
                                                    {"cross", "crosses", "十字形"},
                                                    {"ring", "rings", "圆环"}}};

// Equilateral, its centroid at the origin; y grows downwards.
constexpr std::array<Point, 3> kTriangle = {{{0, -0.577}, {0.5, 0.289}, {-0.5, 0.289}}};
// Circumradius 0.53, inner radius 0.4 of it; tips at 90° + k·72°.
constexpr std::array<Point, 10> kStar = {{{0, -0.53},
                                          {0.12461, -0.17151},
                                          {0.50406, -0.16378},
                                          {0.20162, 0.06551},
                                          {0.31153, 0.42878},
                                          {0, 0.212},
                                          {-0.31153, 0.42878},
                                          {-0.20162, 0.06551},
                                          {-0.50406, -0.16378},
                                          {-0.12461, -0.17151}}};
constexpr std::array<Point, 4> kDiamond = {{{0, -0.55}, {0.38, 0}, {0, 0.55}, {-0.38, 0}}};
constexpr std::array<Point, 12> kCross = {{{-0.17, -0.5},
                                           {0.17, -0.5},
                                           {0.17, -0.17},
                                           {0.5, -0.17},
                                           {0.5, 0.17},
                                           {0.17, 0.17},
                                           {0.17, 0.5},
                                           {-0.17, 0.5},
                                           {-0.17, 0.17},
                                           {-0.5, 0.17},
                                           {-0.5, -0.17},
                                           {-0.17, -0.17}}};

// Left, up, right, down of the centroid, rounded up; checked by a test against shape_distance.
constexpr std::array<ShapeReach, kShapes> kReach = {{{128, 128, 128, 128},
                                                     {116, 116, 116, 116},
                                                     {128, 148, 128, 75},
                                                     {130, 136, 130, 111},
                                                     {128, 96, 128, 141},
                                                     {98, 141, 98, 141},
                                                     {128, 128, 128, 128},
                                                     {128, 128, 128, 128}}};

// Distance to the nearest edge; the sign by counting the edges that a ray to the right crosses.
double polygon(std::span<const Point> points, double x, double y) {
  double best = 1e9;
  bool is_inside = false;
  for (std::size_t i = 0, j = points.size() - 1; i < points.size(); j = i++) {
    const Point a = points[i], b = points[j];
    const double ex = b.x - a.x, ey = b.y - a.y, px = x - a.x, py = y - a.y;
    const double t = std::clamp((px * ex + py * ey) / (ex * ex + ey * ey), 0.0, 1.0);
    const double dx = px - ex * t, dy = py - ey * t;
    best = std::min(best, dx * dx + dy * dy);
    if ((a.y > y) != (b.y > y) && x < ex * (y - a.y) / ey + a.x) is_inside = !is_inside;
  }
  const double d = std::sqrt(best);
  return is_inside ? -d : d;
}

double length(double x, double y) {
  return std::sqrt(x * x + y * y);
}

// A square that stands on a corner, and a circle over each of its upper edges: x reaches from −0.5 to 0.5.
// The centroid lies 0.1298 above the square's centre.
double heart(double x, double y) {
  constexpr double kHalfSide = 0.2928932;             // of the square; also the circles' radius
  constexpr double kMiddle = kHalfSide * 0.70710678;  // of an upper edge, from the square's centre
  const double v = y - 0.1298;
  const double along = 0.70710678 * (x + v), across = 0.70710678 * (v - x);
  const double square = std::max(std::abs(along), std::abs(across)) - kHalfSide;
  return std::min(
      {square, length(x - kMiddle, v + kMiddle) - kHalfSide, length(x + kMiddle, v + kMiddle) - kHalfSide});
}

}  // namespace

const std::array<ShapeName, kShapes>& shape_names() {
  return kNames;
}
const ShapeReach& shape_reach(int shape) {
  return kReach[static_cast<std::size_t>(shape)];
}

double shape_distance(int shape, double x, double y) {
  switch (shape) {
    case 0:
      return length(x, y) - 0.5;
    case 1:
      return std::max(std::abs(x), std::abs(y)) - 0.45;
    case 2:
      return polygon(kTriangle, x, y);
    case 3:
      return polygon(kStar, x, y);
    case 4:
      return heart(x, y);
    case 5:
      return polygon(kDiamond, x, y);
    case 6:
      return polygon(kCross, x, y);
    default:
      return std::abs(length(x, y) - 0.39) - 0.11;
  }
}

void draw_shape(media::Image& canvas, int shape, const media::Rgb& colour, int x, int y, int size) {
  const ShapeReach& reach = shape_reach(shape);
  const int x0 = std::max(0, (x - reach.left * size / 256) / kSubpixel - 1);
  const int y0 = std::max(0, (y - reach.up * size / 256) / kSubpixel - 1);
  const int x1 = std::min(canvas.width, (x + reach.right * size / 256) / kSubpixel + 2);
  const int y1 = std::min(canvas.height, (y + reach.down * size / 256) / kSubpixel + 2);
  const double pixels = static_cast<double>(size) / kSubpixel;
  for (int py = y0; py < y1; ++py) {
    std::uint8_t* p = canvas.row(py) + 3 * x0;
    const double dy = (py + 0.5 - static_cast<double>(y) / kSubpixel) / pixels;
    for (int px = x0; px < x1; ++px, p += 3) {
      const double dx = (px + 0.5 - static_cast<double>(x) / kSubpixel) / pixels;
      // A pixel that the edge halves lies at distance 0.
      const double covered = std::clamp(0.5 - shape_distance(shape, dx, dy) * pixels, 0.0, 1.0);
      const double level = covered * 255 + 0.5;
      const int a = static_cast<int>(level);
      for (std::size_t c = 0; c < 3; ++c) {
        p[c] = static_cast<std::uint8_t>((p[c] * (255 - a) + colour[c] * a + 127) / 255);
      }
    }
  }
}

}  // namespace dq::mini
