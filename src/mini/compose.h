#pragma once
// Endless training pictures: (seed, index) → what to show → pixels and captions, the same on every machine.
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "mini/catalogue.h"
#include "mini/draws.h"
#include "mini/palette.h"
#include "mini/scene.h"
#include "mini/shapes.h"
#include "mini/sprites.h"

namespace dq::mini {

// What training never sees, so that tests can ask for it: 10 % of (colour, shape, cell), and one background
// colour behind 20 concepts. Held-out concepts are in the catalogue.
class Holdout {
 public:
  explicit Holdout(const Catalogue& catalogue);

  bool has_triple(int colour, int shape, int cell) const {
    return triples_.contains((colour * kShapes + shape) * kGridCells + cell);
  }
  bool has_pair(int background, int emoji) const {
    return background == background_ && emojis_.contains(emoji);
  }
  const std::set<int>& triples() const { return triples_; }  // (colour · 8 + shape) · 9 + cell
  int background() const { return background_; }
  const std::set<int>& emojis() const { return emojis_; }

 private:
  std::set<int> triples_;
  int background_ = 0;
  std::set<int> emojis_;
};

// How often each kind of scene is drawn, in percent.
struct Mixture {
  int emoji = 45, placed = 15, two = 15, shapes = 22;  // textures take the rest
  int one_shape = 40, shape_pair = 25;                 // of the shapes; numbers and lists take the rest
};
// More of what says which thing lies where, for a model that knows the things already.
inline constexpr Mixture kRelations = {
    .emoji = 35, .placed = 8, .two = 15, .shapes = 40, .one_shape = 25, .shape_pair = 50};

// Mostly pairs of shapes, so that which lies where is soon told apart.
inline constexpr Mixture kMostlyPairs = {
    .emoji = 10, .placed = 5, .two = 15, .shapes = 68, .one_shape = 8, .shape_pair = 86};

struct ComposeOptions {
  std::uint64_t seed = 1;
  Mixture mixture = {};
  std::vector<int> subjects;  // concepts to show; empty: all that are not held out
  bool with_part_marks = false;
};

struct Composition {
  Scene scene;
  media::Image image;  // kCanvas² RGB
};

class Composer {
 public:
  // Throws kInvalidArgument for subjects that the catalogue does not have, kBadFile for a wrong atlas.
  Composer(Catalogue catalogue, const media::Image& atlas, ComposeOptions options = {});

  // What picture `index` shows, with captions: one emoji, one somewhere in some size, two, shapes, or a
  // texture, as often as the mixture says.
  Scene plan(std::uint64_t index) const;
  media::Image render(const Scene& scene) const;
  Composition compose(std::uint64_t index) const;

  // One emoji in the middle of a plain named colour, without jitter: what retrieval compares with. `scale` is
  // the cell's share of the picture, in percent.
  Scene plain_emoji(int emoji, int background, int scale = 75) const;

  // Whether an emoji stands out enough before a background colour to be shown on it.
  bool is_visible(int emoji, int background) const;

  const Catalogue& catalogue() const { return catalogue_; }
  const Holdout& holdout() const { return holdout_; }
  const std::vector<int>& subjects() const { return options_.subjects; }
  const Mixture& mixture() const { return options_.mixture; }

 private:
  Catalogue catalogue_;
  Sprites sprites_;
  ComposeOptions options_;
  Holdout holdout_;
  std::vector<std::uint16_t> visible_;  // a bit for each background colour
};

// Which concepts a composer shows.
enum class Subjects : std::uint8_t { kTrained, kAll };  // without those held out, or with them

// The composer over the folder that mini_catalogue wrote. `first` > 0: only the first so many concepts, in
// the order of training.
Composer open_composer(const std::filesystem::path& data, std::uint64_t seed, int first,
                       Subjects otherwise = Subjects::kTrained, const Mixture& mixture = {});

}  // namespace dq::mini
