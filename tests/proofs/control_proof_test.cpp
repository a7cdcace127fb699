// A control net that is trained beside the built-in model puts things where its edges are.
#include <fstream>

#include "media/codec.h"
#include "mini/checks.h"
#include "mini/measures.h"
#include "mini/names.h"
#include "mini/palette.h"
#include "mini/shapes.h"
#include "proofs/small_model.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

// White lines, three pixels wide, along the border of what stands out, on black.
media::Image edges_of(const media::Image& picture) {
  const mini::Mask mask = mini::painted_foreground(picture);
  media::Image out = media::make_image(picture.width, picture.height, 3);
  const auto at = [&](int x, int y) { return mask.pixels[static_cast<std::size_t>(y * mask.width + x)]; };
  for (int y = 1; y + 1 < mask.height; ++y) {
    for (int x = 1; x + 1 < mask.width; ++x) {
      const int set = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) + at(x, y);
      if (set == 0 || set == 5) continue;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          std::uint8_t* pixel = out.row(y + dy) + 3 * (x + dx);
          pixel[0] = pixel[1] = pixel[2] = 255;
        }
      }
    }
  }
  return out;
}

class ControlProof : public SmallModel {
 protected:
  // Shapes of one colour, alone, with the edges of each.
  void write_pictures(int count) {
    fs::create_directories(pictures_);
    fs::create_directories(edges_);
    int made = 0;
    for (std::uint64_t i = 0; made < count; ++i) {
      const mini::Scene scene = composer_.plan(i);
      if (!is_one_shape(scene)) continue;
      const media::Image picture = composer_.render(scene);
      const std::string name = std::to_string(made++);
      media::write_image(pictures_ / (name + ".png"), picture);
      media::write_image(edges_ / (name + ".png"), edges_of(picture));
      std::ofstream(pictures_ / (name + ".txt")) << prompt_of(scene);
    }
  }

  static bool is_one_shape(const mini::Scene& scene) {
    return scene.kind == mini::SceneKind::kShapes && scene.things.size() == 1;
  }

  // Says nothing of place and size.
  static std::string prompt_of(const mini::Scene& scene) {
    const mini::Thing& thing = scene.things[0];
    const auto colour = [](int i) { return std::string(mini::palette()[static_cast<std::size_t>(i)].en); };
    const std::string shape(mini::shape_names()[static_cast<std::size_t>(thing.shape)].en);
    return mini::on_background(mini::with_article(colour(thing.colour) + " " + shape),
                               colour(scene.background.colour));
  }

  fs::path pictures_ = folder_.path() / "shapes", edges_ = folder_.path() / "edges";
};

TEST_F(ControlProof, ThingsStandWhereTheEdgesAre) {
  write_pictures(600);
  train::TrainRequest wanted = training(pictures_, "edges.safetensors");
  wanted.target = train::Target::kControlNet;
  wanted.conditioning = edges_.string();
  wanted.steps = 250;
  wanted.batch = 8;
  wanted.rate = 1e-3;
  wanted.warmup = 50;
  const fs::path file = run(wanted);
  double with = 0, without = 0;
  int colours = 0, grounds = 0, asked = 0;
  for (std::uint64_t i = 0; asked < 8; ++i) {
    const mini::Scene scene = mini::asked_scene(composer_, i);
    if (!is_one_shape(scene)) continue;
    ++asked;
    const media::Image original = composer_.render(scene);
    const fs::path edges = folder_.path() / "asked.png";
    media::write_image(edges, edges_of(original));
    pipeline::Request request = ask(prompt_of(scene), i);
    without += mini::intersection_over_union(mini::painted_foreground(paint(request)),
                                             mini::painted_foreground(original));
    request.controls.push_back(
        {.file = file.string(), .image = edges.string(), .sha256 = {}, .image_sha256 = {}});
    const media::Image picture = paint(request);
    const mini::Mask things = mini::painted_foreground(picture);
    with += mini::intersection_over_union(things, mini::painted_foreground(original));
    const std::vector<mini::Component> parts = mini::components(picture, things);
    colours += !parts.empty() && mini::nearest_colour(parts[0].colour) == scene.things[0].colour;
    grounds += mini::background_colour(picture) == scene.background.colour;
  }
  EXPECT_GE(with / asked, 0.6);
  EXPECT_LE(without / asked, 0.5) << "the prompt alone would do";
  EXPECT_GE(colours, 6);
  EXPECT_GE(grounds, 6);
}

}  // namespace
}  // namespace dq::test
