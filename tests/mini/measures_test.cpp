#include "mini/measures.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "mini/palette.h"
#include "mini/shapes.h"

namespace dq::mini {
namespace {

media::Image canvas(const media::Rgb& rgb) {
  media::Image image = media::make_image(128, 128, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = rgb[i % 3];
  return image;
}

void fill(media::Image& image, int x0, int y0, int x1, int y1, const media::Rgb& rgb) {
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) std::copy(rgb.begin(), rgb.end(), image.row(y) + 3 * x);
  }
}

TEST(Measures, RingIgnoresTheInside) {
  media::Image image = canvas({250, 160, 195});
  fill(image, 4, 4, 124, 124, {0, 0, 0});
  EXPECT_EQ(border_mean(image), (media::Rgb{250, 160, 195}));
  EXPECT_EQ(palette()[static_cast<std::size_t>(background_colour(image))].en, "pink");
}

TEST(Measures, ComponentsHaveAreaBoxCentreAndColour) {
  media::Image image = canvas({255, 255, 255});
  fill(image, 10, 20, 30, 40, {220, 40, 40});
  fill(image, 80, 90, 110, 120, {45, 95, 215});
  fill(image, 60, 60, 62, 62, {0, 0, 0});  // too small to count
  const Mask mask = foreground(image, {255, 255, 255});
  EXPECT_EQ(mask.area(), 400 + 900 + 4);
  const std::vector<Component> found = components(image, mask);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].area, 900);
  EXPECT_EQ(found[0].colour, (media::Rgb{45, 95, 215}));
  EXPECT_EQ(found[1].x0, 10);
  EXPECT_EQ(found[1].y1, 40);
  EXPECT_DOUBLE_EQ(found[1].centroid.x, 20);
  EXPECT_DOUBLE_EQ(found[1].centroid.y, 30);
  EXPECT_EQ(components(image, mask, 1).size(), 3u);
}

TEST(Measures, DiagonalNeighboursAreConnected) {
  media::Image image = canvas({255, 255, 255});
  fill(image, 10, 10, 20, 20, {0, 0, 0});
  fill(image, 20, 20, 30, 30, {0, 0, 0});
  EXPECT_EQ(components(image, foreground(image, {255, 255, 255})).size(), 1u);
}

TEST(Measures, CentroidAndCells) {
  media::Image image = canvas({255, 255, 255});
  fill(image, 100, 10, 110, 20, {0, 0, 0});
  const Position p = centroid(foreground(image, {255, 255, 255}));
  EXPECT_DOUBLE_EQ(p.x, 105);
  EXPECT_DOUBLE_EQ(p.y, 15);
  EXPECT_EQ(cell_of(p, 128, 128), 2);
  EXPECT_EQ(cell_of({0, 0}, 128, 128), 0);
  EXPECT_EQ(cell_of({128, 128}, 128, 128), 8);
  const Position middle = centroid(foreground(canvas({9, 9, 9}), {9, 9, 9}));
  EXPECT_DOUBLE_EQ(middle.x, 64);
}

TEST(Measures, IntersectionOverUnion) {
  Mask a{2, 2, {1, 1, 0, 0}}, b{2, 2, {0, 1, 1, 0}}, none{2, 2, {0, 0, 0, 0}};
  EXPECT_DOUBLE_EQ(intersection_over_union(a, b), 1.0 / 3);
  EXPECT_DOUBLE_EQ(intersection_over_union(a, a), 1);
  EXPECT_DOUBLE_EQ(intersection_over_union(a, none), 0);
  EXPECT_DOUBLE_EQ(intersection_over_union(none, none), 1);
  EXPECT_THROW(intersection_over_union(a, Mask{1, 1, {1}}), Error);
}

TEST(Measures, PeakSignalToNoise) {
  media::Image a = media::make_image(4, 4, 3, 100), b = media::make_image(4, 4, 3, 110);
  EXPECT_NEAR(psnr(a, b), 28.13, 0.01) << "20 log10(255 / 10)";
  EXPECT_NEAR(psnr(a, a), 78.13, 0.01);
  EXPECT_THROW(psnr(a, media::make_image(4, 2, 3)), Error);
}

TEST(Shapes, CentroidAndReachAreAsStated) {
  for (int shape = 0; shape < kShapes; ++shape) {
    media::Image image = canvas({255, 255, 255});
    draw_shape(image, shape, {0, 0, 0}, 64 * 256, 64 * 256, 80 * 256);
    const Mask mask = foreground(image, {255, 255, 255}, 127);
    const Position p = centroid(mask);
    EXPECT_NEAR(p.x, 64, 0.3) << shape_names()[static_cast<std::size_t>(shape)].en;
    EXPECT_NEAR(p.y, 64, 0.3) << shape_names()[static_cast<std::size_t>(shape)].en;
    const std::vector<Component> found = components(image, mask);
    ASSERT_EQ(found.size(), 1u);
    const ShapeReach& reach = shape_reach(shape);
    const double scale = 80.0 / 256;
    EXPECT_NEAR(64 - found[0].x0, reach.left * scale, 1.5);
    EXPECT_NEAR(64 - found[0].y0, reach.up * scale, 1.5);
    EXPECT_NEAR(found[0].x1 - 64, reach.right * scale, 1.5);
    EXPECT_NEAR(found[0].y1 - 64, reach.down * scale, 1.5);
  }
}

}  // namespace
}  // namespace dq::mini
