#include "train/buckets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace dq::train {
namespace {

int rounded(double x) {
  return static_cast<int>(x + 0.5);
}

int to_step(double x, int step) {
  const int whole = rounded(x);
  return whole - whole % step;
}

double area_of(const BucketRule& rule) {
  return static_cast<double>(rule.resolution.width) * rule.resolution.height;
}

double aspect(Size s) {
  return static_cast<double>(s.width) / s.height;
}

// The bucket of the nearest shape; among equals the first in sorted order.
Size nearest(const std::vector<Size>& sizes, Size picture) {
  if (std::binary_search(sizes.begin(), sizes.end(), picture)) return picture;
  const double wanted = aspect(picture);
  return *std::min_element(sizes.begin(), sizes.end(), [&](Size a, Size b) {
    return std::abs(aspect(a) - wanted) < std::abs(aspect(b) - wanted);
  });
}

// Only ever smaller: to the area of the rule, with one side on a multiple of the step, whichever keeps the
// shape better.
Size shrunk(const BucketRule& rule, Size picture) {
  const double area = area_of(rule), shape = aspect(picture);
  if (static_cast<double>(picture.width) * picture.height <= area) return picture;
  const double width = std::sqrt(area * shape), height = area / width;
  const int by_width = to_step(width, rule.step), by_height = to_step(height, rule.step);
  const double width_shape = static_cast<double>(by_width) / to_step(by_width / shape, rule.step);
  const double height_shape = static_cast<double>(to_step(by_height * shape, rule.step)) / by_height;
  if (std::abs(width_shape - shape) < std::abs(height_shape - shape)) {
    return {by_width, rounded(by_width / shape)};
  }
  return {rounded(by_height * shape), by_height};
}

}  // namespace

std::vector<Size> bucket_sizes(const BucketRule& rule) {
  const auto area = static_cast<std::int64_t>(rule.resolution.width) * rule.resolution.height;
  const int square = static_cast<int>(std::sqrt(static_cast<double>(area)) / rule.step) * rule.step;
  std::vector<Size> sizes{{square, square}};
  for (int width = rule.smallest; width <= rule.largest; width += rule.step) {
    const int height = std::min<int>(rule.largest, static_cast<int>(area / width / rule.step) * rule.step);
    if (height < rule.smallest) continue;
    sizes.push_back({width, height});
    sizes.push_back({height, width});
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

Placement place(const BucketRule& rule, Size picture) {
  if (picture.width < 1 || picture.height < 1) {
    throw Error(ErrorCode::kInvalidArgument, "a picture without pixels has no bucket");
  }
  if (!rule.upscale) {
    const Size scaled = shrunk(rule, picture);
    const Size bucket{scaled.width - scaled.width % rule.step, scaled.height - scaled.height % rule.step};
    if (bucket.width < 1 || bucket.height < 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("a picture of {}×{} is smaller than a bucket step of {}", picture.width,
                              picture.height, rule.step))
          .hint("Leave the picture out, or allow enlarging.");
    }
    return {scaled, bucket};
  }
  const Size bucket = nearest(bucket_sizes(rule), picture);
  // The picture covers the bucket: the side that would fall short decides.
  const double scale = aspect(picture) > aspect(bucket) ? static_cast<double>(bucket.height) / picture.height
                                                        : static_cast<double>(bucket.width) / picture.width;
  return {{rounded(picture.width * scale), rounded(picture.height * scale)}, bucket};
}

Placement jittered(const Placement& middle, CounterRandom random) {
  constexpr double kLarger = 0.1;
  const double scale = 1 + kLarger * random.uniform();
  Placement out = middle;
  out.scaled = {rounded(middle.scaled.width * scale), rounded(middle.scaled.height * scale)};
  out.across = random.uniform();
  out.down = random.uniform();
  return out;
}

}  // namespace dq::train
