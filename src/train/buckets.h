#pragma once
// Sizes that training pictures are brought to: a few shapes of about the same area, so that pictures of one
// shape can form a batch and little is cut off. The rule is sd-scripts', to the pixel.
#include <vector>

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
};

// Throws kInvalidArgument for a picture without pixels, or, without upscaling, one smaller than a step.
Placement place(const BucketRule& rule, Size picture);

}  // namespace dq::train
