#pragma once
// Pictures as a row of a batch.
#include "media/image.h"

namespace dq::mini {

// Writes an RGB picture as row n of batch, [N, H, W, 3] f32 in [−1, 1], of the picture's size.
inline void put_picture(const media::Image& picture, Tensor& batch, std::int64_t n) {
  float* to = batch.data<float>() + n * batch.strides()[0];
  for (const std::uint8_t v : picture.pixels) *to++ = static_cast<float>(v) / 127.5f - 1;
}

}  // namespace dq::mini
