#pragma once
// Sizes that training pictures are brought to: a few shapes of about the same area, so that pictures of one
// shape can form a batch and little is cut off. The rule is sd-scripts', to the pixel.
#include <vector>

#include "base/counter_random.h"

namespace dq::train {

struct Size {
  int width = 0, height = 0;
  auto operator<=>(const Size&) const = default;
};

struct BucketRule {
  Size resolution{512, 512};  // its area is what buckets aim at
  int step = 64;              // sides are multiples of this
  int smallest = 256, largest = 1024;
  bool upscale = true;  // false: small pictures keep their size, cut to multiples of `step`
};

// Sorted by width, then height.
std::vector<Size> bucket_sizes(const BucketRule& rule);

// What becomes of one picture: scaled to `scaled`, then cut to `bucket`.
struct Placement {
  Size scaled, bucket;
  double across = 0.5, down = 0.5;  // the share of what is spare that is cut off on the left and above
};

// Throws kInvalidArgument for a picture without pixels, or, without upscaling, one smaller than a step.
Placement place(const BucketRule& rule, Size picture);

// Another cut of the same picture for the same bucket: up to a tenth larger, anywhere in it.
Placement jittered(const Placement& middle, CounterRandom random);

}  // namespace dq::train
