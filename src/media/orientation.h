#pragma once
// EXIF orientation (CIPA DC-008, tag 0x0112).
#include "media/image.h"

namespace dq::media {

// The picture as it should be seen. 1 upright, 2 mirrored, 3 half turn, 4 flipped, 5 transposed, 6 turn
// right, 7 transversed, 8 turn left: what to do to the stored pixels. Others leave it as it is.
Image apply_orientation(Image image, int orientation);

}  // namespace dq::media
