#include "mini/measures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "mini/palette.h"

namespace dq::mini {
namespace {

void require_rgb(const media::Image& image) {
  media::check_image(image);
  if (image.channels != 3) throw Error(ErrorCode::kInvalidArgument, "a picture to measure must be RGB");
}

struct Sums {
  std::array<std::int64_t, 3> colour{};
  std::int64_t n = 0;

  void add(const std::uint8_t* p) {
    for (std::size_t c = 0; c < 3; ++c) colour[c] += p[c];
    ++n;
  }
  media::Rgb mean() const {
    media::Rgb out{};
    for (std::size_t c = 0; n > 0 && c < 3; ++c) out[c] = static_cast<std::uint8_t>((colour[c] + n / 2) / n);
    return out;
  }
};

// Walks one component from (x, y) and clears it in `left`.
std::vector<int> take_component(Mask& left, int start) {
  std::vector<int> found = {start};
  left.pixels[static_cast<std::size_t>(start)] = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const int x = found[i] % left.width, y = found[i] / left.width;
    for (int ny = std::max(0, y - 1); ny <= std::min(left.height - 1, y + 1); ++ny) {
      for (int nx = std::max(0, x - 1); nx <= std::min(left.width - 1, x + 1); ++nx) {
        const int at = ny * left.width + nx;
        std::uint8_t& pixel = left.pixels[static_cast<std::size_t>(at)];
        if (!pixel) continue;
        pixel = 0;
        found.push_back(at);
      }
    }
  }
  return found;
}

Component describe(const media::Image& image, const Mask& mask, const std::vector<int>& pixels) {
  Component c;
  c.area = static_cast<int>(pixels.size());
  c.x0 = image.width;
  c.y0 = image.height;
  std::int64_t sum_x = 0, sum_y = 0;
  Sums inner, all;
  for (const int at : pixels) {
    const int x = at % image.width, y = at / image.width;
    c.x0 = std::min(c.x0, x), c.x1 = std::max(c.x1, x + 1);
    c.y0 = std::min(c.y0, y), c.y1 = std::max(c.y1, y + 1);
    sum_x += x, sum_y += y;
    all.add(image.row(y) + 3 * x);
    const auto is_set = [&](int dx, int dy) {
      const int there = at + dy * image.width + dx;
      return x + dx >= 0 && x + dx < image.width && y + dy >= 0 && y + dy < image.height &&
             mask.pixels[static_cast<std::size_t>(there)];
    };
    if (is_set(-1, 0) && is_set(1, 0) && is_set(0, -1) && is_set(0, 1)) inner.add(image.row(y) + 3 * x);
  }
  c.centroid = {static_cast<double>(sum_x) / c.area + 0.5, static_cast<double>(sum_y) / c.area + 0.5};
  c.colour = inner.n > 0 ? inner.mean() : all.mean();
  return c;
}

}  // namespace

int Mask::area() const {
  return static_cast<int>(std::count(pixels.begin(), pixels.end(), std::uint8_t{1}));
}

media::Rgb border_mean(const media::Image& image, int ring) {
  require_rgb(image);
  Sums sums;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const bool is_border = x < ring || y < ring || x >= image.width - ring || y >= image.height - ring;
      if (is_border) sums.add(image.row(y) + 3 * x);
    }
  }
  return sums.mean();
}

int background_colour(const media::Image& image, int ring) {
  return nearest_colour(border_mean(image, ring));
}

Mask foreground(const media::Image& image, const media::Rgb& background, int threshold) {
  require_rgb(image);
  Mask mask{image.width, image.height, {}};
  mask.pixels.reserve(image.pixels.size() / 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    int most = 0;
    for (std::size_t c = 0; c < 3; ++c) most = std::max(most, std::abs(image.pixels[i + c] - background[c]));
    mask.pixels.push_back(most > threshold);
  }
  return mask;
}

Mask painted_foreground(const media::Image& image) {
  constexpr int kUneven = 48;
  return foreground(image, border_mean(image), kUneven);
}

Position centroid(const Mask& mask) {
  std::int64_t sum_x = 0, sum_y = 0, n = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const int at = y * mask.width + x;
      if (!mask.pixels[static_cast<std::size_t>(at)]) continue;
      sum_x += x, sum_y += y, ++n;
    }
  }
  if (n == 0) return {mask.width / 2.0, mask.height / 2.0};
  return {static_cast<double>(sum_x) / static_cast<double>(n) + 0.5,
          static_cast<double>(sum_y) / static_cast<double>(n) + 0.5};
}

int cell_of(const Position& position, int width, int height) {
  const auto third = [](double v, int size) { return std::clamp(static_cast<int>(v * 3 / size), 0, 2); };
  return 3 * third(position.y, height) + third(position.x, width);
}

std::vector<Component> components(const media::Image& image, const Mask& mask, int min_area) {
  require_rgb(image);
  if (mask.width != image.width || mask.height != image.height) {
    throw Error(ErrorCode::kInvalidArgument, "the mask is not of the picture's size");
  }
  Mask left = mask;
  std::vector<Component> out;
  for (int i = 0; i < mask.width * mask.height; ++i) {
    if (!left.pixels[static_cast<std::size_t>(i)]) continue;
    const std::vector<int> pixels = take_component(left, i);
    if (static_cast<int>(pixels.size()) >= min_area) out.push_back(describe(image, mask, pixels));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Component& a, const Component& b) { return a.area > b.area; });
  return out;
}

double intersection_over_union(const Mask& a, const Mask& b) {
  if (a.width != b.width || a.height != b.height) {
    throw Error(ErrorCode::kInvalidArgument, "the masks are of different sizes");
  }
  int both = 0, either = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    both += a.pixels[i] & b.pixels[i];
    either += a.pixels[i] | b.pixels[i];
  }
  return either == 0 ? 1 : static_cast<double>(both) / either;
}

double psnr(const media::Image& a, const media::Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) {
    throw Error(ErrorCode::kInvalidArgument, "the pictures are of different sizes");
  }
  double error = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) error += std::pow(a.pixels[i] - b.pixels[i], 2);
  error /= static_cast<double>(a.pixels.size());
  return 10 * std::log10(255.0 * 255.0 / std::max(error, 1e-3));
}

}  // namespace dq::mini
