#pragma once
// A small catalogue drawn by the test itself, so that tests need neither font nor names from a package.
#include "mini/catalogue.h"

namespace dq::mini::test {

struct Sample {
  Catalogue catalogue;
  media::Image atlas;
};

// 72 concepts: nine coloured bodies of eight shapes, off the middle of their cells by a few pixels.
Sample sample_catalogue();

}  // namespace dq::mini::test
