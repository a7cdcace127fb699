#include "media/masks.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dq::media {

namespace {

void check_mask(const Tensor& mask) {
  const bool shape = mask.rank() == 4 && mask.dim(0) == 1 && mask.dim(1) == 1;
  if (!shape || mask.dtype() != DType::kF32 || !mask.is_contiguous()) {
    throw Error(ErrorCode::kInternal, "a mask is a contiguous [1, 1, H, W] f32 tensor");
  }
}

template <class F>
Tensor map(const Tensor& mask, F f) {
  check_mask(mask);
  Tensor out = Tensor::empty(mask.device(), DType::kF32, mask.shape());
  std::transform(mask.data<float>(), mask.data<float>() + mask.count(), out.data<float>(), f);
  return out;
}

// A coloured picture with see-through parts is a picture to repaint, not a drawing of a mask.
bool is_colour_with_holes(const Image& image) {
  bool holes = false, colour = false;
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const std::uint8_t* p = image.pixels.data() + i;
    holes = holes || p[3] < 255;
    colour = colour || (p[3] > 0 && (p[0] != p[1] || p[1] != p[2]));
  }
  return holes && colour;
}

// Mirrors an index into [0, n) without repeating the edge: …2 1 | 0 1 2… (OpenCV's BORDER_REFLECT_101).
std::int64_t mirror(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i = ((i % period) + period) % period;
  return i < n ? i : period - i;
}

// y[.., j, ..] = fold over k in [−radius, radius] of x[.., j + k, ..], along rows or columns.
template <class F>
Tensor slide(const Tensor& x, bool along_rows, F at) {
  const std::int64_t height = x.dim(2), width = x.dim(3);
  Tensor y = Tensor::empty(x.device(), DType::kF32, x.shape());
  const float* from = x.data<float>();
  float* to = y.data<float>();
  const std::int64_t length = along_rows ? width : height, step = along_rows ? 1 : width;
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      const std::int64_t j = along_rows ? column : row;
      const float* line = from + row * width + column - j * step;
      to[row * width + column] = at(line, step, j, length);
    }
  }
  return y;
}

}  // namespace

Tensor mask_from_image(Device& device, const Image& image, MaskSource source) {
  check_image(image);
  const bool alpha = image.channels == 4 && (source == MaskSource::kAlpha ||
                                             (source == MaskSource::kAuto && is_colour_with_holes(image)));
  Tensor mask = Tensor::empty(device, DType::kF32, {1, 1, image.height, image.width});
  float* to = mask.data<float>();
  if (alpha) {
    for (std::int64_t i = 0; i < mask.count(); ++i) {
      to[i] = 1.0f - static_cast<float>(image.pixels[static_cast<std::size_t>(4 * i + 3)]) / 255.0f;
    }
    return mask;
  }
  const Image gray = to_gray(image.channels == 4 ? flatten(image, {0, 0, 0}) : image);
  std::transform(gray.pixels.begin(), gray.pixels.end(), to,
                 [](std::uint8_t v) { return static_cast<float>(v) / 255.0f; });
  return mask;
}

Image mask_to_image(const Tensor& mask) {
  check_mask(mask);
  Image out = make_image(static_cast<int>(mask.dim(3)), static_cast<int>(mask.dim(2)), 1);
  std::transform(mask.data<float>(), mask.data<float>() + mask.count(), out.pixels.begin(), [](float v) {
    return v > 0 ? static_cast<std::uint8_t>(std::floor(std::min(v, 1.0f) * 255.0f + 0.5f)) : std::uint8_t{0};
  });
  return out;
}

Tensor threshold_mask(const Tensor& mask, float level) {
  return map(mask, [level](float v) { return v >= level ? 1.0f : 0.0f; });
}

Tensor invert_mask(const Tensor& mask) {
  return map(mask, [](float v) { return 1.0f - v; });
}

Tensor blur_mask(const Tensor& mask, double sigma) {
  check_mask(mask);
  if (!(sigma > 0)) return mask;
  const auto radius = static_cast<std::int64_t>(2.5 * std::min(sigma, 4096.0) + 0.5);
  std::vector<double> kernel;
  double sum = 0;
  for (std::int64_t k = -radius; k <= radius; ++k) {
    kernel.push_back(std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma)));
    sum += kernel.back();
  }
  const auto at = [&](const float* line, std::int64_t step, std::int64_t j, std::int64_t length) {
    double total = 0;
    for (std::int64_t k = -radius; k <= radius; ++k) {
      total += kernel[static_cast<std::size_t>(k + radius)] *
               static_cast<double>(line[mirror(j + k, length) * step]);
    }
    return static_cast<float>(total / sum);
  };
  return slide(slide(mask, true, at), false, at);
}

Tensor grow_mask(const Tensor& mask, int pixels) {
  check_mask(mask);
  if (pixels == 0) return mask;
  const std::int64_t radius = std::abs(std::int64_t{pixels});
  const auto at = [&](const float* line, std::int64_t step, std::int64_t j, std::int64_t length) {
    float best = line[j * step];
    for (std::int64_t k = std::max<std::int64_t>(0, j - radius); k <= std::min(length - 1, j + radius); ++k) {
      best = pixels > 0 ? std::max(best, line[k * step]) : std::min(best, line[k * step]);
    }
    return best;
  };
  return slide(slide(mask, true, at), false, at);
}

}  // namespace dq::media
