#pragma once
// A part of the catalogue that stands for itself: the concepts that are trained, in the order of training,
// and those held out. For the checks that come with the program.
#include <filesystem>
#include <vector>

#include "mini/catalogue.h"

namespace dq::mini {

struct ReducedCatalogue {
  Catalogue catalogue;  // ordered; nothing is told of what was left out
  media::Image atlas;
  std::vector<int> from;  // each concept's id in the whole catalogue
};

// The first `trained` concepts in the order of training, then those held out, numbered anew. Throws
// kInvalidArgument when there are not so many.
ReducedCatalogue reduce_catalogue(const Catalogue& whole, const media::Image& atlas, int trained);

// The judge of the whole catalogue as one of the reduced: the rows of its last layer that are kept, all other
// numbers as they are stored. Throws kBadFile when it has no such rows.
void reduce_judge(const std::filesystem::path& judge, const std::vector<int>& from,
                  const std::filesystem::path& output);

}  // namespace dq::mini
