#pragma once
// Pictures as people and files have them: 8 bits a channel, sRGB, rows from top to bottom.
#include <array>
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace dq::media {

// channels: 1 (gray), 3 (RGB) or 4 (RGB and straight, not premultiplied, alpha).
// pixels: height·width·channels bytes, row-major, channels innermost.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> pixels;

  bool operator==(const Image&) const = default;
  std::size_t row_bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
  const std::uint8_t* row(int y) const { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
};

using Rgb = std::array<std::uint8_t, 3>;

// A picture of one value. Throws kInvalidArgument when a size is not positive or channels is not 1, 3 or 4.
Image make_image(int width, int height, int channels, std::uint8_t value = 0);

// Throws kInternal when `pixels` does not have the size that width, height and channels ask for.
void check_image(const Image& image);

// Three channels: gray is repeated, alpha is composed over `background` (in sRGB values, as browsers and
// Pillow do).
Image flatten(const Image& image, Rgb background = {255, 255, 255});

// Three channels without looking at alpha: the colours stored under transparent pixels appear.
Image drop_alpha(const Image& image);

// One channel by ITU-R BT.601 luma, (19595·R + 38470·G + 7471·B + 32768) >> 16, as Pillow's "L". Alpha is
// ignored.
Image to_gray(const Image& image);

// [1, H, W, 3] f32 in [−1, 1]: v/127.5 − 1. Gray is repeated, alpha is ignored: flatten first.
Tensor to_tensor(Device& device, const Image& image);

// The same in [0, 1]: v/255, as control nets read pictures.
Tensor to_levels(Device& device, const Image& image);

// Picture `index` of an [N, H, W, 3] f32 tensor with values in [−1, 1]. Values are clamped, then rounded to
// the nearest level, ties up, as diffusers does (ComfyUI and WebUI truncate: half a level darker on average).
// NaN becomes 0.
Image from_tensor(const Tensor& images, std::int64_t index = 0);

}  // namespace dq::media
