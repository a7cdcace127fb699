#include "media/orientation.h"

#include <cstring>

namespace dq::media {

Image apply_orientation(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out = transposed ? make_image(image.height, image.width, image.channels)
                         : make_image(image.width, image.height, image.channels);
  const auto channels = static_cast<std::size_t>(image.channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      // Where this pixel is stored: swap the axes, then mirror those of the stored picture.
      int from_x = transposed ? y : x, from_y = transposed ? x : y;
      if (flip_x) from_x = image.width - 1 - from_x;
      if (flip_y) from_y = image.height - 1 - from_y;
      std::memcpy(out.row(y) + static_cast<std::size_t>(x) * channels,
                  image.row(from_y) + static_cast<std::size_t>(from_x) * channels, channels);
    }
  }
  return out;
}

}  // namespace dq::media
