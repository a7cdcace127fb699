#include "train/picture_check.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "media/resize.h"

namespace dq::train {

Thumbnail thumbnail(const media::Image& image) {
  const media::Image small = media::resize(media::flatten(image), 32, 32, media::ResizeFilter::kArea);
  Thumbnail out{};
  std::copy(small.pixels.begin(), small.pixels.end(), out.begin());
  return out;
}

double difference(const Thumbnail& a, const Thumbnail& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return static_cast<double>(sum) / static_cast<double>(a.size());
}

double sharpness(const media::Image& image) {
  media::Image gray = media::to_gray(media::flatten(image));
  const int longer = std::max(gray.width, gray.height);
  if (longer > 512) {
    const auto scaled = [&](int side) {
      return std::max(3, static_cast<int>(std::lround(512.0 * side / longer)));
    };
    gray = media::resize(gray, scaled(gray.width), scaled(gray.height), media::ResizeFilter::kArea);
  }
  if (gray.width < 3 || gray.height < 3) return 0;
  double sum = 0, squares = 0;
  for (int y = 1; y + 1 < gray.height; ++y) {
    const std::uint8_t *above = gray.row(y - 1), *row = gray.row(y), *below = gray.row(y + 1);
    for (int x = 1; x + 1 < gray.width; ++x) {
      const double v = above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x];
      sum += v;
      squares += v * v;
    }
  }
  const double count = static_cast<double>(gray.width - 2) * (gray.height - 2);
  return squares / count - sum / count * (sum / count);
}

}  // namespace dq::train
