#pragma once
// What a composed picture shows: everything that its captions may say and its checks may ask.
#include <cstdint>
#include <string>
#include <vector>

#include "media/image.h"

namespace dq::mini {

inline constexpr int kCanvas = 128;   // pixels, both ways
inline constexpr int kGridCells = 9;  // 3×3, by rows from the top left

enum class SceneKind : std::uint8_t { kEmoji, kPlacedEmoji, kTwoEmoji, kShapes, kTexture };
enum class Texture : std::uint8_t { kHorizontal, kVertical, kDiagonal, kChecks, kDots, kGrid };
enum class SizeWord : std::uint8_t { kSmall, kMedium, kLarge };  // medium ones are not named
// How the first thing lies to the second.
enum class Relation : std::uint8_t { kNone, kLeftOf, kAbove };

struct Background {
  int colour = 0;           // of the palette
  int second = -1;          // the palette colour that it turns into; −1: one colour, maybe shaded
  bool down = true;         // shaded from top to bottom, else from left to right
  media::Rgb from{}, to{};  // as drawn: the named colours with a little jitter
};

struct Thing {
  int emoji = -1;    // a concept of the catalogue, or
  int shape = -1;    // one of shape_names(), in
  int colour = -1;   // this palette colour,
  media::Rgb rgb{};  // drawn as this
  int cell = 4;      // of the grid, where the centroid lies
  SizeWord size_word = SizeWord::kMedium;
  int x = 0, y = 0;  // the centroid, in 1/256 pixel
  int size = 0;      // the width of an emoji's cell or of a shape, in 1/256 pixel
};

struct Scene {
  SceneKind kind = SceneKind::kEmoji;
  Background background;
  std::vector<Thing> things;  // none for textures
  Relation relation = Relation::kNone;
  Texture texture = Texture::kHorizontal;  // background.colour is its ground, texture_colour its pattern
  int texture_colour = -1;
  media::Rgb texture_rgb{};
  int texture_period = 0;       // pixels
  std::string caption;          // what training sees: either language, sentence or tags, or empty
  std::string en, zh;           // a sentence in each language
  bool says_background = true;  // whether `caption` names it
};

// The cell in which a point lies, given in 1/256 pixel.
inline int cell_at(int x, int y) {
  const auto third = [](int v) { return v * 3 < kCanvas * 256 ? 0 : v * 3 < kCanvas * 512 ? 1 : 2; };
  return 3 * third(y) + third(x);
}

}  // namespace dq::mini
