#pragma once
// Draws what one picture shows. Used by Composer; see there.
#include "mini/compose.h"

namespace dq::mini {

class Planner {
 public:
  struct World {
    const Composer& composer;
    const Sprites& sprites;
  };
  Planner(World world, Draws& draws) : world_(world), draws_(draws) {}

  Scene plan();

 private:
  // All in 1/256 pixel; both ends belong to it.
  struct Area {
    int x0, y0, x1, y1;
  };
  static Area cell_area(int cell, int inset);

  void plan_emoji(Scene& scene);
  void plan_placed(Scene& scene);
  void plan_two(Scene& scene);
  void plan_shapes(Scene& scene);
  void plan_texture(Scene& scene);
  void plan_shape_pair(Scene& scene);
  void plan_shape_crowd(Scene& scene, int count, bool are_alike);

  Background background(bool may_blend);
  media::Rgb jittered(int colour);
  int emoji_for(int background);
  Thing shape_thing(const Scene& scene);
  int percent_of_canvas(int lo, int hi) {
    return draws_.between(lo * 10, hi * 10) * kCanvas * kSubpixel / 1000;
  }
  SizeWord size_word();
  int size_for(SizeWord word, bool is_centre);
  // Puts the thing where all of it lies in `bounds` and its centroid in `middle`, smaller when it must be.
  void place(Thing& thing, Area bounds, Area middle);
  bool is_held_out(const Thing& thing) const;

  World world_;
  Draws& draws_;
};

}  // namespace dq::mini
