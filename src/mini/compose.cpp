#include "mini/compose.h"

#include <algorithm>

#include "base/error.h"
#include "mini/captions.h"
#include "mini/planner.h"
#include "mini/render.h"

namespace dq::mini {
namespace {

constexpr std::uint64_t kTripleSeed = 864, kPairSeed = 20;
constexpr int kPairs = 20;
constexpr int kPairPool = 64;        // so that small training sets hold them too
constexpr double kMostHidden = 0.5;  // of an emoji, before a background of its own colour

}  // namespace

Holdout::Holdout(const Catalogue& catalogue) {
  constexpr int kTriples = kColours * kShapes * kGridCells;
  std::vector<int> all(kTriples);
  for (int i = 0; i < kTriples; ++i) all[static_cast<std::size_t>(i)] = i;
  Draws(kTripleSeed, 0).shuffle(std::span(all));
  triples_.insert(all.begin(), all.begin() + kTriples / 10);
  Draws draws(kPairSeed, 0);
  background_ = draws.below(kColours);
  std::vector<int> pool = choose_concepts(catalogue, kPairPool);
  draws.shuffle(std::span(pool));
  pool.resize(std::min<std::size_t>(pool.size(), kPairs));
  emojis_.insert(pool.begin(), pool.end());
}

Composer::Composer(Catalogue catalogue, const media::Image& atlas, ComposeOptions options)
    : catalogue_(std::move(catalogue)),
      sprites_(atlas, static_cast<int>(catalogue_.concepts.size())),
      options_(std::move(options)),
      holdout_(catalogue_) {
  if (options_.subjects.empty()) {
    for (const Concept& c : catalogue_.concepts) {
      if (!c.held_out) options_.subjects.push_back(c.id);
    }
  }
  if (options_.subjects.empty()) throw Error(ErrorCode::kInvalidArgument, "the catalogue has no concepts");
  for (const int id : options_.subjects) {
    if (id < 0 || id >= sprites_.count()) {
      throw Error(ErrorCode::kInvalidArgument, "the catalogue has no concept " + std::to_string(id));
    }
  }
  for (int id = 0; id < sprites_.count(); ++id) {
    unsigned bits = 0;
    const std::array<double, kColours> hidden = sprites_.hidden_shares(id);
    for (std::size_t c = 0; c < hidden.size(); ++c) {
      if (hidden[c] <= kMostHidden) bits |= 1u << c;
    }
    visible_.push_back(static_cast<std::uint16_t>(bits));
  }
}

bool Composer::is_visible(int emoji, int background) const {
  return (visible_[static_cast<std::size_t>(emoji)] >> background) & 1;
}

Scene Composer::plan(std::uint64_t index) const {
  Draws draws(options_.seed, index);
  Scene scene = Planner({*this, sprites_}, draws).plan();
  write_captions(scene, catalogue_, draws, options_.with_part_marks);
  return scene;
}

media::Image Composer::render(const Scene& scene) const {
  return render_scene(scene, sprites_);
}

Composition Composer::compose(std::uint64_t index) const {
  Composition out;
  out.scene = plan(index);
  out.image = render(out.scene);
  return out;
}

Scene Composer::plain_emoji(int emoji, int background, int scale) const {
  Scene scene;
  const media::Rgb rgb = palette()[static_cast<std::size_t>(background)].rgb;
  scene.background = {.colour = background, .from = rgb, .to = rgb};
  Thing thing;
  thing.emoji = emoji;
  thing.size = scale * kCanvas * kSubpixel / 100;
  // The cell's middle in the picture's middle: the content may lie off it by design.
  const Sprites::Extent& e = sprites_.extent(emoji);
  thing.x = kCanvas * kSubpixel / 2 + (2 * e.cx + 1 - kCell) * thing.size / (2 * kCell);
  thing.y = kCanvas * kSubpixel / 2 + (2 * e.cy + 1 - kCell) * thing.size / (2 * kCell);
  scene.things.push_back(thing);
  Draws draws(0, static_cast<std::uint64_t>(emoji));
  bool says = true;
  scene.en = without_marks(sentence(scene, catalogue_, Language::kEnglish, draws, says));
  scene.zh = without_marks(sentence(scene, catalogue_, Language::kChinese, draws, says));
  scene.caption = scene.en;
  return scene;
}

Composer open_composer(const std::filesystem::path& data, std::uint64_t seed, int first, Subjects otherwise,
                       const Mixture& mixture) {
  Catalogue catalogue = read_catalogue(data);
  ComposeOptions options{.seed = seed, .mixture = mixture, .subjects = {}};
  if (first > 0) {
    options.subjects = choose_concepts(catalogue, first);
  } else if (otherwise == Subjects::kAll) {
    for (const Concept& c : catalogue.concepts) options.subjects.push_back(c.id);
  }
  return {std::move(catalogue), read_atlas(data), std::move(options)};
}

}  // namespace dq::mini
