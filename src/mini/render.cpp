#include "mini/render.h"

#include <algorithm>

#include "mini/shapes.h"

namespace dq::mini {
namespace {

using media::Image;
using media::Rgb;

void fill_background(Image& image, const Background& b) {
  for (int y = 0; y < kCanvas; ++y) {
    std::uint8_t* p = image.row(y);
    for (int x = 0; x < kCanvas; ++x, p += 3) {
      const int t = b.down ? y : x;
      for (std::size_t c = 0; c < 3; ++c) {
        p[c] = static_cast<std::uint8_t>((b.from[c] * (kCanvas - 1 - t) + b.to[c] * t + (kCanvas - 1) / 2) /
                                         (kCanvas - 1));
      }
    }
  }
}

// Whether the pattern covers the point (x, y), counted in quarter pixels from the top left.
bool is_covered(Texture texture, int x, int y, int period) {
  const int p = 4 * period, half = p / 2;
  switch (texture) {
    case Texture::kHorizontal:
      return y % p >= half;
    case Texture::kVertical:
      return x % p >= half;
    case Texture::kDiagonal:
      return (x + y) % p >= half;
    case Texture::kChecks:
      return (x % p >= half) != (y % p >= half);
    case Texture::kGrid:
      return x % p < p / 6 || y % p < p / 6;
    case Texture::kDots: {
      const int dx = x % p - half, dy = y % p - half, r = p * 3 / 10;
      return dx * dx + dy * dy < r * r;
    }
  }
  return false;
}

void draw_texture(Image& image, const Scene& scene) {
  for (int y = 0; y < kCanvas; ++y) {
    std::uint8_t* p = image.row(y);
    for (int x = 0; x < kCanvas; ++x, p += 3) {
      int covered = 0;  // of 16 points
      for (int i = 0; i < 16; ++i) {
        covered += is_covered(scene.texture, 4 * x + i % 4, 4 * y + i / 4, scene.texture_period);
      }
      for (std::size_t c = 0; c < 3; ++c) {
        p[c] = static_cast<std::uint8_t>((p[c] * (16 - covered) + scene.texture_rgb[c] * covered + 8) / 16);
      }
    }
  }
}

}  // namespace

Image render_scene(const Scene& scene, const Sprites& sprites) {
  Image image = media::make_image(kCanvas, kCanvas, 3);
  fill_background(image, scene.background);
  if (scene.kind == SceneKind::kTexture) draw_texture(image, scene);
  for (const Thing& thing : scene.things) {
    if (thing.emoji >= 0) {
      sprites.draw(image, thing.emoji, thing.x, thing.y, thing.size);
    } else {
      draw_shape(image, thing.shape, thing.rgb, thing.x, thing.y, thing.size);
    }
  }
  return image;
}

}  // namespace dq::mini
