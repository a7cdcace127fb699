#include "media/limits.h"

#include <fmt/format.h>

#include "base/checked.h"

namespace dq::media {

void check_limits(const ClaimedSize& claimed, const ImageLimits& limits) {
  if (claimed.width == 0 || claimed.height == 0) {
    throw Error(ErrorCode::kBadFile, "the picture has no pixels: its width or height is 0");
  }
  const bool too_long = claimed.width > limits.max_side || claimed.height > limits.max_side;
  const std::uint64_t pixels =
      too_long ? 0 : checked_mul(claimed.width, claimed.height, "the picture's size");
  const std::uint64_t bytes = checked_mul(pixels, claimed.bytes_per_pixel, "the picture's size");
  if (!too_long && pixels <= limits.max_pixels && bytes <= limits.max_decoded_bytes) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("the picture is too large: {}×{} pixels", claimed.width, claimed.height))
      .hint(fmt::format(
          "At most {} pixels a side, {} million pixels and {} MB in memory are read; make it smaller",
          limits.max_side, limits.max_pixels / 1'000'000, limits.max_decoded_bytes >> 20));
}

}  // namespace dq::media
