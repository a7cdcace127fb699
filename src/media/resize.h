#pragma once
// Other sizes: of pictures, of image tensors, of latents.
#include <string_view>

#include "media/image.h"

namespace dq::media {

enum class ResizeFilter : std::uint8_t { kNearestExact, kArea, kBilinear, kBicubic, kLanczos };

// "nearest-exact", "area", "bilinear", "bicubic", "lanczos"; throws kInvalidArgument naming them all.
ResizeFilter resize_filter(std::string_view name);

// Antialiased when shrinking; the bytes of Pillow's resize with BOX, BILINEAR, BICUBIC and LANCZOS: columns
// first, rounded to bytes, then rows. Colours are weighted by alpha.
Image resize(const Image& image, int width, int height, ResizeFilter filter);

// The same kernels on [N, H, W, C] f32, without rounding or clamping.
Tensor resize(const Tensor& images, std::int64_t height, std::int64_t width, ResizeFilter filter);

// What to do when the shapes differ.
enum class Fit : std::uint8_t {
  kStretch,  // WebUI "Just resize"
  kCrop,     // "Crop and resize": fill the frame, cut what stands out on both sides alike
  kPad,      // "Resize and fill": all of it, the rest of the frame repeats the edges
};
Image fit(const Image& image, int width, int height, Fit how, ResizeFilter filter = ResizeFilter::kLanczos);

// A part of a picture; throws kInvalidArgument when it leaves the picture.
Image crop(const Image& image, int x, int y, int width, int height);

enum class Interpolation : std::uint8_t { kNearestExact, kBilinear, kBicubic, kArea };

// Latents or masks, [N, C, H, W] f32 → [N, C, height, width]: torch.nn.functional.interpolate with
// align_corners=False, antialias=False.
Tensor interpolate(const Tensor& x, std::int64_t height, std::int64_t width, Interpolation how);

}  // namespace dq::media
