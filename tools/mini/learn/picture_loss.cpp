#include "mini/learn/picture_loss.h"

#include <cmath>
#include <vector>

#include "base/error.h"

namespace dq::mini {
namespace {

constexpr float kNear = 0.01f;
constexpr double kSlopes = 0.5, kCoarse = 0.5;

// Differences of one picture, rows of `width` pixels with `channels` numbers.
struct Map {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<float> numbers;
  std::int64_t row() const { return width * channels; }
  std::size_t size() const { return numbers.size(); }
};

// Adds share·|d| to the sum and its derivative to `slope`.
double soft_absolute(float d, float share, float& slope) {
  const float root = std::sqrt(d * d + kNear * kNear);
  slope += share * d / root;
  return static_cast<double>(root - kNear);
}

// Pixels and slopes of one map; derivatives are added to `to`. Returns the sum of both, weighted; `share` is
// what one pixel counts in the result.
double differences(const Map& d, double share, std::vector<float>& to) {
  const auto whole = static_cast<float>(share), part = static_cast<float>(share * kSlopes);
  double pixels = 0, slopes = 0;
  const auto between = [&](std::int64_t a, std::int64_t b) {
    float slope = 0;
    slopes += soft_absolute(d.numbers[static_cast<std::size_t>(b)] - d.numbers[static_cast<std::size_t>(a)],
                            part, slope);
    to[static_cast<std::size_t>(b)] += slope;
    to[static_cast<std::size_t>(a)] -= slope;
  };
  for (std::int64_t y = 0; y < d.height; ++y) {
    for (std::int64_t i = y * d.row(); i < (y + 1) * d.row(); ++i) {
      pixels += soft_absolute(d.numbers[static_cast<std::size_t>(i)], whole, to[static_cast<std::size_t>(i)]);
      if (i + d.channels < (y + 1) * d.row()) between(i, i + d.channels);
      if (y + 1 < d.height) between(i, i + d.row());
    }
  }
  return share * (pixels + kSlopes * slopes);
}

Map halved(const Map& d) {
  Map out{d.height / 2, d.width / 2, d.channels, {}};
  out.numbers.resize(static_cast<std::size_t>(out.height * out.row()));
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      for (std::int64_t c = 0; c < d.channels; ++c) {
        const auto at = static_cast<std::size_t>(2 * y * d.row() + 2 * x * d.channels + c);
        const auto right = static_cast<std::size_t>(d.channels), below = static_cast<std::size_t>(d.row());
        out.numbers[static_cast<std::size_t>(y * out.row() + x * d.channels + c)] =
            0.25f *
            (d.numbers[at] + d.numbers[at + right] + d.numbers[at + below] + d.numbers[at + below + right]);
      }
    }
  }
  return out;
}

// The derivative of `halved`.
void spread(const Map& small, const std::vector<float>& from, const Map& d, std::vector<float>& to) {
  for (std::int64_t y = 0; y < d.height / 2 * 2; ++y) {
    for (std::int64_t x = 0; x < d.width / 2 * 2; ++x) {
      for (std::int64_t c = 0; c < d.channels; ++c) {
        to[static_cast<std::size_t>(y * d.row() + x * d.channels + c)] +=
            0.25f * from[static_cast<std::size_t>(y / 2 * small.row() + x / 2 * d.channels + c)];
      }
    }
  }
}

}  // namespace

PictureLoss picture_loss(const Tensor& made, const Tensor& wanted) {
  if (made.rank() != 4 || made.shape() != wanted.shape() || made.dim(1) % 2 != 0 || made.dim(2) % 2 != 0) {
    throw Error(ErrorCode::kInvalidArgument, "pictures of different or odd sizes");
  }
  PictureLoss out{0, Tensor::empty(made.device(), DType::kF32, made.shape())};
  const std::int64_t count = made.count() / made.dim(0);
  std::vector<double> sums(static_cast<std::size_t>(made.dim(0)));
  made.device().threads().parallel_for(made.dim(0), [&](std::int64_t n, int) {
    const float *a = made.data<float>() + n * count, *b = wanted.data<float>() + n * count;
    Map d{made.dim(1), made.dim(2), made.dim(3), std::vector<float>(static_cast<std::size_t>(count))};
    for (std::size_t i = 0; i < d.size(); ++i) d.numbers[i] = a[i] - b[i];
    const double share = 1 / static_cast<double>(made.count());
    std::vector<float> slope(d.size());
    double sum = differences(d, share, slope);
    const Map small = halved(d);
    std::vector<float> small_slope(small.size());
    sum += differences(small, 4 * kCoarse * share, small_slope);
    spread(small, small_slope, d, slope);
    std::copy(slope.begin(), slope.end(), out.gradient.data<float>() + n * count);
    sums[static_cast<std::size_t>(n)] = sum;
  });
  for (const double sum : sums) out.value += sum;
  return out;
}

}  // namespace dq::mini
