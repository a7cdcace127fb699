#pragma once
// Is a picture worth training on? Measures that need no model.
#include <array>

#include "media/image.h"

namespace dq::train {

// 32×32 RGB, for finding pictures that show the same.
using Thumbnail = std::array<std::uint8_t, 32 * 32 * 3>;
Thumbnail thumbnail(const media::Image& image);
// The mean difference of two thumbnails, in levels of 255.
double difference(const Thumbnail& a, const Thumbnail& b);

// The variance of the Laplacian of the gray picture, shrunk to 512 pixels at its longer side (Pech-Pacheco et
// al. 2000): small for pictures out of focus or enlarged from tiny ones. In levels²; photos in focus have
// hundreds.
double sharpness(const media::Image& image);

}  // namespace dq::train
