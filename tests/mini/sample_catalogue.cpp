#include "sample_catalogue.h"

#include "mini/palette.h"
#include "mini/shapes.h"

namespace dq::mini::test {

Sample sample_catalogue() {
  constexpr int kBodies = 9, kRows = 2;
  Sample out;
  out.atlas = media::make_image(kAtlasColumns * kCell, kRows * kCell, 4);
  for (int i = 0; i < kBodies * kShapes; ++i) {
    const int shape = i % kShapes, colour = i / kShapes;
    Concept c;
    c.id = i;
    c.en = "thing " + std::to_string(i);
    c.zh = "东西" + std::string(palette()[static_cast<std::size_t>(colour)].zh) +
           std::string(shape_names()[static_cast<std::size_t>(shape)].zh);
    c.characters = c.en;
    c.keywords_en = {"keyword"};
    c.keywords_zh = {"关键"};
    c.group = "Objects";
    c.core = true;
    c.held_out = i >= 70;
    out.catalogue.concepts.push_back(c);
    media::Image gray = media::make_image(kCell, kCell, 3);
    draw_shape(gray, shape, {255, 255, 255}, (60 + colour) * 256, (60 + shape % 4) * 256, 96 * 256);
    const media::Rgb& rgb = palette()[static_cast<std::size_t>(colour)].rgb;
    for (int y = 0; y < kCell; ++y) {
      std::uint8_t* p = out.atlas.row(i / kAtlasColumns * kCell + y) + 4 * kCell * (i % kAtlasColumns);
      for (int x = 0; x < kCell; ++x, p += 4) {
        p[3] = gray.row(y)[3 * x];
        for (std::size_t k = 0; p[3] != 0 && k < 3; ++k) p[k] = rgb[k];
      }
    }
  }
  return out;
}

}  // namespace dq::mini::test
