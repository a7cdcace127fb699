#include "media/resize.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "media/resample.h"

namespace dq::media {

namespace {

Kernel kernel_of(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kNearestExact:
      return Kernel::kNearest;
    case ResizeFilter::kArea:
      return Kernel::kBox;
    case ResizeFilter::kBilinear:
      return Kernel::kTriangle;
    case ResizeFilter::kBicubic:
      return Kernel::kCatmullRom;
    case ResizeFilter::kLanczos:
      break;
  }
  return Kernel::kLanczos3;
}

void check_target(std::int64_t width, std::int64_t height) {
  if (width <= 0 || height <= 0 || width > 1 << 20 || height > 1 << 20) {
    throw Error(ErrorCode::kInvalidArgument, "cannot resize to this size")
        .hint("Both sides must be at least 1");
  }
}

// v·a/255 for every colour, and back.
void premultiply(Image& image) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const unsigned alpha = image.pixels[i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[i + c] = static_cast<std::uint8_t>((image.pixels[i + c] * alpha + 127) / 255);
    }
  }
}

void unpremultiply(Image& image) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const unsigned alpha = image.pixels[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[i + c] = static_cast<std::uint8_t>(std::min(255u, 255u * image.pixels[i + c] / alpha));
    }
  }
}

}  // namespace

ResizeFilter resize_filter(std::string_view name) {
  if (name == "nearest-exact") return ResizeFilter::kNearestExact;
  if (name == "area") return ResizeFilter::kArea;
  if (name == "bilinear") return ResizeFilter::kBilinear;
  if (name == "bicubic") return ResizeFilter::kBicubic;
  if (name == "lanczos") return ResizeFilter::kLanczos;
  throw Error(ErrorCode::kInvalidArgument, "no resize filter is called \"" + printable(name, 40) + "\"")
      .hint("Use nearest-exact, area, bilinear, bicubic or lanczos");
}

Image resize(const Image& image, int width, int height, ResizeFilter filter) {
  check_image(image);
  check_target(width, height);
  if (width == image.width && height == image.height) return image;
  const bool alpha = image.channels == 4 && filter != ResizeFilter::kNearestExact;
  Image source = image;
  if (alpha) premultiply(source);
  if (width != image.width) {
    Image wide = make_image(width, source.height, source.channels);
    const Taps taps = antialiased_taps(source.width, width, kernel_of(filter));
    resample_axis(std::span<const std::uint8_t>(source.pixels), wide.pixels, source.height, source.width,
                  source.channels, taps);
    source = std::move(wide);
  }
  if (height != image.height) {
    Image tall = make_image(width, height, source.channels);
    const Taps taps = antialiased_taps(source.height, height, kernel_of(filter));
    resample_axis(std::span<const std::uint8_t>(source.pixels), tall.pixels, 1, source.height,
                  static_cast<std::int64_t>(source.row_bytes()), taps);
    source = std::move(tall);
  }
  if (alpha) unpremultiply(source);
  return source;
}

Image crop(const Image& image, int x, int y, int width, int height) {
  check_image(image);
  if (x < 0 || y < 0 || width <= 0 || height <= 0 || width > image.width - x || height > image.height - y) {
    throw Error(ErrorCode::kInvalidArgument, "the part to cut out leaves the picture");
  }
  Image out = make_image(width, height, image.channels);
  for (int row = 0; row < height; ++row) {
    std::memcpy(out.row(row), image.row(y + row) + x * image.channels, out.row_bytes());
  }
  return out;
}

Image fit(const Image& image, int width, int height, Fit how, ResizeFilter filter) {
  check_image(image);
  check_target(width, height);
  if (how == Fit::kStretch) return resize(image, width, height, filter);
  // Compare the shapes without division: width/height against image.width/image.height.
  const auto framed = std::int64_t{width} * image.height, own = std::int64_t{image.width} * height;
  const bool by_width = how == Fit::kCrop ? framed > own : framed < own;
  const auto other_width = static_cast<int>(std::max<std::int64_t>(1, own / image.height));
  const auto other_height = static_cast<int>(std::max<std::int64_t>(1, framed / image.width));
  const Image scaled =
      resize(image, by_width ? width : other_width, by_width ? other_height : height, filter);
  if (how == Fit::kCrop) {
    return crop(scaled, (scaled.width - width) / 2, (scaled.height - height) / 2, width, height);
  }
  Image out = make_image(width, height, image.channels);
  const int left = width / 2 - scaled.width / 2, top = height / 2 - scaled.height / 2;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = scaled.row(std::clamp(y - top, 0, scaled.height - 1));
    for (int x = 0; x < width; ++x) {
      std::memcpy(out.row(y) + x * image.channels,
                  row + std::clamp(x - left, 0, scaled.width - 1) * image.channels,
                  static_cast<std::size_t>(image.channels));
    }
  }
  return out;
}

namespace {

void check_tensor(const Tensor& x) {
  if (x.rank() != 4 || x.dtype() != DType::kF32 || !x.is_contiguous()) {
    throw Error(ErrorCode::kInternal, "resizing needs a contiguous f32 tensor of rank 4");
  }
}

// Axis `axis` of a rank-4 tensor to the number of taps.
Tensor resample_tensor(const Tensor& x, int axis, const Taps& taps) {
  Shape shape = x.shape();
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= shape[static_cast<std::size_t>(i)];
  for (int i = axis + 1; i < 4; ++i) inner *= shape[static_cast<std::size_t>(i)];
  const std::int64_t in = x.dim(axis);
  shape[static_cast<std::size_t>(axis)] = static_cast<std::int64_t>(taps.first.size());
  Tensor y = Tensor::empty(x.device(), DType::kF32, shape);
  resample_axis(std::span<const float>(x.data<float>(), static_cast<std::size_t>(x.count())),
                std::span<float>(y.data<float>(), static_cast<std::size_t>(y.count())), outer, in, inner,
                taps);
  return y;
}

}  // namespace

Tensor resize(const Tensor& images, std::int64_t height, std::int64_t width, ResizeFilter filter) {
  check_tensor(images);
  check_target(width, height);
  const Kernel kernel = kernel_of(filter);
  const Tensor wide = resample_tensor(images, 2, antialiased_taps(images.dim(2), width, kernel));
  return resample_tensor(wide, 1, antialiased_taps(images.dim(1), height, kernel));
}

Tensor interpolate(const Tensor& x, std::int64_t height, std::int64_t width, Interpolation how) {
  check_tensor(x);
  check_target(width, height);
  const auto kernel = static_cast<PointKernel>(how);
  const Tensor wide = resample_tensor(x, 3, point_taps(x.dim(3), width, kernel));
  return resample_tensor(wide, 2, point_taps(x.dim(2), height, kernel));
}

}  // namespace dq::media
