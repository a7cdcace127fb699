#include "media/image.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dq::media {

Image make_image(int width, int height, int channels, std::uint8_t value) {
  if (width <= 0 || height <= 0 || (channels != 1 && channels != 3 && channels != 4)) {
    throw Error(ErrorCode::kInvalidArgument, "a picture needs positive sizes and 1, 3 or 4 channels");
  }
  Image image{width, height, channels, {}};
  image.pixels.assign(image.row_bytes() * static_cast<std::size_t>(height), value);
  return image;
}

void check_image(const Image& image) {
  const bool sizes = image.width > 0 && image.height > 0;
  const bool channels = image.channels == 1 || image.channels == 3 || image.channels == 4;
  if (!sizes || !channels ||
      image.pixels.size() != image.row_bytes() * static_cast<std::size_t>(image.height)) {
    throw Error(ErrorCode::kInternal, "a picture's pixels do not match its size");
  }
}

namespace {

// a·b/255 rounded to nearest, exact for bytes (Blinn 1995).
std::uint32_t scale_byte(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

template <class Pixel>
Image map_pixels(const Image& image, int channels, Pixel pixel) {
  check_image(image);
  Image out = make_image(image.width, image.height, channels);
  const std::uint8_t* from = image.pixels.data();
  std::uint8_t* to = out.pixels.data();
  const auto count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  for (std::size_t i = 0; i < count; ++i, from += image.channels, to += channels) pixel(from, to);
  return out;
}

}  // namespace

Image flatten(const Image& image, Rgb background) {
  if (image.channels != 4) return drop_alpha(image);
  return map_pixels(image, 3, [&](const std::uint8_t* from, std::uint8_t* to) {
    const std::uint32_t alpha = from[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint32_t sum = scale_byte(from[c], alpha) + scale_byte(background[c], 255 - alpha);
      to[c] = static_cast<std::uint8_t>(std::min(sum, 255u));
    }
  });
}

Image drop_alpha(const Image& image) {
  if (image.channels == 3) {
    check_image(image);
    return image;
  }
  const bool gray = image.channels == 1;
  return map_pixels(image, 3, [gray](const std::uint8_t* from, std::uint8_t* to) {
    for (std::size_t c = 0; c < 3; ++c) to[c] = from[gray ? 0 : c];
  });
}

Image to_gray(const Image& image) {
  if (image.channels == 1) return image;
  return map_pixels(image, 1, [](const std::uint8_t* from, std::uint8_t* to) {
    to[0] = static_cast<std::uint8_t>((19595u * from[0] + 38470u * from[1] + 7471u * from[2] + 32768u) >> 16);
  });
}

namespace {

// v/per_one + offset.
Tensor as_numbers(Device& device, const Image& image, float per_one, float offset) {
  check_image(image);
  Tensor out = Tensor::empty(device, DType::kF32, {1, image.height, image.width, 3});
  const std::uint8_t* from = image.pixels.data();
  float* to = out.data<float>();
  const auto count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  for (std::size_t i = 0; i < count; ++i, from += image.channels, to += 3) {
    for (std::size_t c = 0; c < 3; ++c) {
      to[c] = static_cast<float>(from[image.channels == 1 ? 0 : c]) / per_one + offset;
    }
  }
  return out;
}

}  // namespace

Tensor to_tensor(Device& device, const Image& image) {
  return as_numbers(device, image, 127.5f, -1.0f);
}

Tensor to_levels(Device& device, const Image& image) {
  return as_numbers(device, image, 255.0f, 0.0f);
}

Image from_tensor(const Tensor& images, std::int64_t index) {
  if (images.rank() != 4 || images.dim(3) != 3 || !images.is_contiguous() || index < 0 ||
      index >= images.dim(0)) {
    throw Error(ErrorCode::kInternal,
                "from_tensor needs a contiguous [N, H, W, 3] tensor and an index in it");
  }
  Image out = make_image(static_cast<int>(images.dim(2)), static_cast<int>(images.dim(1)), 3);
  const float* from = images.data<float>() + static_cast<std::size_t>(index) * out.pixels.size();
  for (std::size_t i = 0; i < out.pixels.size(); ++i) {
    const float level = (from[i] + 1.0f) * 127.5f;
    // Written so that NaN fails the first comparison.
    out.pixels[i] = level > 0.0f ? static_cast<std::uint8_t>(std::floor(std::min(level, 255.0f) + 0.5f)) : 0;
  }
  return out;
}

}  // namespace dq::media
