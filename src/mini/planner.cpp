#include "mini/planner.h"

#include <algorithm>
#include <array>

namespace dq::mini {
namespace {

constexpr int kPixel = kSubpixel;
constexpr int kEdge = kCanvas * kPixel;
constexpr int kMargin = 4 * kPixel;  // the ring that tells the background stays free
constexpr int kJitter = 12;          // of 255, each channel
constexpr int kTries = 24;
constexpr int kCellInset = 6 * kPixel;  // a centroid keeps this far from the next cell

}  // namespace

Planner::Area Planner::cell_area(int cell, int inset) {
  const int x = cell % 3, y = cell / 3;
  return {kEdge * x / 3 + inset, kEdge * y / 3 + inset, kEdge * (x + 1) / 3 - inset,
          kEdge * (y + 1) / 3 - inset};
}

Scene Planner::plan() {
  Scene scene;
  const Mixture& mixture = world_.composer.mixture();
  int kind = draws_.below(100);
  const auto falls_in = [&](int percent) { return (kind -= percent) < 0; };
  if (falls_in(mixture.emoji)) {
    plan_emoji(scene);
  } else if (falls_in(mixture.placed)) {
    plan_placed(scene);
  } else if (falls_in(mixture.two)) {
    plan_two(scene);
  } else if (falls_in(mixture.shapes)) {
    plan_shapes(scene);
  } else {
    plan_texture(scene);
  }
  for (Thing& thing : scene.things) thing.cell = cell_at(thing.x, thing.y);
  return scene;
}

media::Rgb Planner::jittered(int colour) {
  const media::Rgb& base = palette()[static_cast<std::size_t>(colour)].rgb;
  for (int attempt = 0; attempt < 4; ++attempt) {
    media::Rgb rgb = base;
    for (std::uint8_t& c : rgb) {
      c = static_cast<std::uint8_t>(std::clamp(c + draws_.between(-kJitter, kJitter), 0, 255));
    }
    if (nearest_colour(rgb) == colour) return rgb;
  }
  return base;
}

Background Planner::background(bool may_blend) {
  Background b;
  b.colour = draws_.below(kColours);
  b.from = b.to = jittered(b.colour);
  const int how = draws_.below(100);
  b.down = draws_.chance(50);
  if (how >= 75 && how < 90) b.to = jittered(b.colour);  // a shade of the same colour
  if (how >= 90 && may_blend) {
    b.second = (b.colour + draws_.between(1, kColours - 1)) % kColours;
    b.to = jittered(b.second);
  }
  return b;
}

int Planner::emoji_for(int background) {
  const std::vector<int>& subjects = world_.composer.subjects();
  int id = subjects[0];
  for (int attempt = 0; attempt < kTries; ++attempt) {
    id = draws_.pick(std::span(subjects));
    if (world_.composer.is_visible(id, background) && !world_.composer.holdout().has_pair(background, id)) {
      break;
    }
  }
  return id;
}

SizeWord Planner::size_word() {
  const int n = draws_.below(3);
  return n == 0 ? SizeWord::kSmall : n == 1 ? SizeWord::kMedium : SizeWord::kLarge;
}

int Planner::size_for(SizeWord word, bool is_centre) {
  if (word == SizeWord::kSmall) return percent_of_canvas(22, 28);
  if (word == SizeWord::kMedium) return percent_of_canvas(36, 44);
  return is_centre ? percent_of_canvas(65, 90) : percent_of_canvas(54, 58);
}

void Planner::place(Thing& thing, Area bounds, Area middle) {
  const auto reach = [&](int size) {
    if (thing.shape >= 0) {
      const ShapeReach& r = shape_reach(thing.shape);
      return Area{r.left * size / 256, r.up * size / 256, r.right * size / 256, r.down * size / 256};
    }
    const Sprites::Extent& e = world_.sprites.extent(thing.emoji);
    return Area{(2 * (e.cx - e.x0) + 1) * size / (2 * kCell), (2 * (e.cy - e.y0) + 1) * size / (2 * kCell),
                (2 * (e.x1 - e.cx) - 1) * size / (2 * kCell), (2 * (e.y1 - e.cy) - 1) * size / (2 * kCell)};
  };
  for (int attempt = 0; attempt < kTries; ++attempt, thing.size = thing.size * 15 / 16) {
    const Area r = reach(thing.size);
    const int x0 = std::max(bounds.x0 + r.x0, middle.x0), x1 = std::min(bounds.x1 - r.x1, middle.x1);
    const int y0 = std::max(bounds.y0 + r.y0, middle.y0), y1 = std::min(bounds.y1 - r.y1, middle.y1);
    if (x0 > x1 || y0 > y1) continue;
    thing.x = draws_.between(x0, x1);
    thing.y = draws_.between(y0, y1);
    return;
  }
  thing.x = (middle.x0 + middle.x1) / 2;
  thing.y = (middle.y0 + middle.y1) / 2;
}

void Planner::plan_emoji(Scene& scene) {
  scene.kind = SceneKind::kEmoji;
  scene.background = background(true);
  Thing thing;
  thing.emoji = emoji_for(scene.background.colour);
  thing.size = percent_of_canvas(60, 90);
  constexpr int kRoom = 8 * kPixel;  // about the middle
  place(thing, {kMargin, kMargin, kEdge - kMargin, kEdge - kMargin},
        {kEdge / 2 - kRoom, kEdge / 2 - kRoom, kEdge / 2 + kRoom, kEdge / 2 + kRoom});
  scene.things.push_back(thing);
}

void Planner::plan_placed(Scene& scene) {
  scene.kind = SceneKind::kPlacedEmoji;
  scene.background = background(false);
  Thing thing;
  thing.emoji = emoji_for(scene.background.colour);
  thing.size_word = size_word();
  const int cell = draws_.below(kGridCells);
  thing.size = size_for(thing.size_word, cell == 4);
  place(thing, {kMargin, kMargin, kEdge - kMargin, kEdge - kMargin}, cell_area(cell, kCellInset));
  scene.things.push_back(thing);
}

void Planner::plan_two(Scene& scene) {
  scene.kind = SceneKind::kTwoEmoji;
  scene.background = background(false);
  scene.relation = draws_.chance(65) ? Relation::kLeftOf : Relation::kAbove;
  const bool is_beside = scene.relation == Relation::kLeftOf;
  for (int i = 0; i < 2; ++i) {
    Thing thing;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      thing.emoji = emoji_for(scene.background.colour);
      if (i == 0 || thing.emoji != scene.things[0].emoji) break;
    }
    thing.size = percent_of_canvas(36, 48);
    constexpr int kGap = kPixel;  // on each side of the middle line
    const int near = i == 0 ? kMargin : kEdge / 2 + kGap, far = i == 0 ? kEdge / 2 - kGap : kEdge - kMargin;
    // Across the direction of the relation both lie near the middle.
    const int lo = kEdge * 3 / 8, hi = kEdge * 5 / 8;
    if (is_beside) {
      place(thing, {near, kMargin, far, kEdge - kMargin}, {0, lo, kEdge, hi});
    } else {
      place(thing, {kMargin, near, kEdge - kMargin, far}, {lo, 0, hi, kEdge});
    }
    scene.things.push_back(thing);
  }
}

Thing Planner::shape_thing(const Scene& scene) {
  Thing thing;
  thing.shape = draws_.below(kShapes);
  // Never the background's colour.
  thing.colour = (scene.background.colour + draws_.between(1, kColours - 1)) % kColours;
  thing.rgb = jittered(thing.colour);
  return thing;
}

bool Planner::is_held_out(const Thing& thing) const {
  return world_.composer.holdout().has_triple(thing.colour, thing.shape, cell_at(thing.x, thing.y));
}

void Planner::plan_shapes(Scene& scene) {
  scene.kind = SceneKind::kShapes;
  scene.background = background(false);
  const Mixture& mixture = world_.composer.mixture();
  const int how = draws_.below(100);
  if (how >= mixture.one_shape + mixture.shape_pair) {
    // Drawn one after the other: compilers evaluate arguments in any order.
    const int count = draws_.between(2, 4);
    const bool are_alike = draws_.chance(60);
    return plan_shape_crowd(scene, count, are_alike);
  }
  if (how >= mixture.one_shape) return plan_shape_pair(scene);
  Thing thing;
  do {
    thing = shape_thing(scene);
    thing.size_word = size_word();
    const int cell = draws_.below(kGridCells);
    thing.size = size_for(thing.size_word, cell == 4);
    place(thing, {kMargin, kMargin, kEdge - kMargin, kEdge - kMargin}, cell_area(cell, kCellInset));
  } while (is_held_out(thing));
  scene.things.push_back(thing);
}

void Planner::plan_shape_pair(Scene& scene) {
  scene.relation = draws_.chance(60) ? Relation::kLeftOf : Relation::kAbove;
  const bool is_beside = scene.relation == Relation::kLeftOf;
  const int line = draws_.below(3);  // the row, or the column, that both lie in
  for (int i = 0; i < 2; ++i) {
    const int cell = is_beside ? 3 * line + 2 * i : 6 * i + line;
    // Each keeps to its half, or two tall ones would meet.
    constexpr int kGap = kPixel;
    const int near = i == 0 ? kMargin : kEdge / 2 + kGap, far = i == 0 ? kEdge / 2 - kGap : kEdge - kMargin;
    const Area half =
        is_beside ? Area{near, kMargin, far, kEdge - kMargin} : Area{kMargin, near, kEdge - kMargin, far};
    Thing thing;
    do {
      thing = shape_thing(scene);
      thing.size = size_for(SizeWord::kMedium, false);
      place(thing, half, cell_area(cell, kCellInset));
    } while (is_held_out(thing));
    scene.things.push_back(thing);
  }
}

void Planner::plan_shape_crowd(Scene& scene, int count, bool are_alike) {
  std::array<int, kGridCells> cells{};
  for (int i = 0; i < kGridCells; ++i) cells[static_cast<std::size_t>(i)] = i;
  draws_.shuffle(std::span<int>(cells));
  // A list of two would be a pair; lists have three or more.
  if (!are_alike) count = std::max(count, 3);
  const Thing alike = shape_thing(scene);
  std::size_t next = 0;
  while (static_cast<int>(scene.things.size()) < count) {
    Thing thing = are_alike ? alike : shape_thing(scene);
    const int cell = cells[next];
    thing.size = percent_of_canvas(20, 27);
    constexpr int kGap = kPixel * 3 / 2;  // keeps neighbours apart
    Area bounds = cell_area(cell, kGap);
    bounds = {std::max(bounds.x0, kMargin), std::max(bounds.y0, kMargin),
              std::min(bounds.x1, kEdge - kMargin), std::min(bounds.y1, kEdge - kMargin)};
    place(thing, bounds, cell_area(cell, kCellInset));
    if (!is_held_out(thing)) {
      scene.things.push_back(thing);
      ++next;
    } else if (are_alike && ++next == cells.size()) {
      // This shape of this colour is held out of too many cells: fewer of it.
      break;
    }
  }
  if (scene.things.empty()) plan_shape_crowd(scene, count, are_alike);
}

void Planner::plan_texture(Scene& scene) {
  scene.kind = SceneKind::kTexture;
  scene.background.colour = draws_.below(kColours);
  scene.background.from = scene.background.to = jittered(scene.background.colour);
  scene.texture = static_cast<Texture>(draws_.below(6));
  scene.texture_colour = (scene.background.colour + draws_.between(1, kColours - 1)) % kColours;
  scene.texture_rgb = jittered(scene.texture_colour);
  scene.texture_period = 2 * draws_.between(8, 20);
}

}  // namespace dq::mini
