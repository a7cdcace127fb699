#pragma once
// The one place where a picture's claimed size is judged, before anything is allocated.
#include "media/codec.h"

namespace dq::media {

struct ClaimedSize {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t bytes_per_pixel = 4;  // of the result and of what the decoder keeps beside it
};

// Throws kBadFile for an empty picture and kUnsupported beyond the limits.
void check_limits(const ClaimedSize& claimed, const ImageLimits& limits);

}  // namespace dq::media
