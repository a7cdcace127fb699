#pragma once
// Font and annotations → concepts and atlas.
#include "mini/annotations.h"
#include "mini/catalogue.h"
#include "mini/emoji_font.h"
#include "mini/labels.h"

namespace dq::mini {

struct Sources {
  const EmojiFont& font;
  const Annotations& en;
  const Annotations& zh;
  const Labels& labels;
};

struct BuiltCatalogue {
  Catalogue catalogue;
  media::Image atlas;
};

// The same sources give the same catalogue. A concept is left out, with the reason, when it is a skin tone, a
// keycap, a button of letters, a clock face, has a name that only tells it from its likes ("man: bald"), is
// small, or looks like one before it. Throws what the readers throw, for bitmaps that are not PNG files.
BuiltCatalogue build_catalogue(const Sources& sources);

// One bitmap as a cell, kCell² RGBA; scaled down when its content is wider.
media::Image cell_of(Bytes png);

// Mean absolute difference of two cells, both over nothing (premultiplied), at 1/8 of the size. 0–255.
double cell_distance(const media::Image& a, const media::Image& b);

}  // namespace dq::mini
