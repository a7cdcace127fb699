#include <cmath>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

struct Moments {
  double mean, inverse_deviation;
};

// Mean and 1/√(var + eps) of `rows` runs of `width` numbers, `stride` apart.
Moments moments(const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride, double eps) {
  const auto count = static_cast<double>(rows * width);
  double sum = 0, squares = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < width; ++c) sum += x[r * stride + c];
  }
  const double mean = sum / count;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < width; ++c)
      squares += (x[r * stride + c] - mean) * (x[r * stride + c] - mean);
  }
  return {mean, 1 / std::sqrt(squares / count + eps)};
}

double normalise(double x, const Moments& m, const Affine& affine, std::int64_t channel) {
  const double weight = affine.weight.defined() ? affine.weight.data<float>()[channel] : 1;
  const double bias = affine.bias.defined() ? affine.bias.data<float>()[channel] : 0;
  return (x - m.mean) * m.inverse_deviation * weight + bias;
}

}  // namespace

void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y) {
  const std::int64_t pixels = x.dim(1) * x.dim(2), channels = x.dim(3), width = channels / groups;
  for (std::int64_t image = 0; image < x.dim(0); ++image) {
    for (std::int64_t group = 0; group < groups; ++group) {
      const std::int64_t start = image * pixels * channels + group * width;
      const Moments m = moments(x.data<float>() + start, pixels, width, channels, eps);
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < width; ++c) {
          const std::int64_t i = start + p * channels + c;
          const double z = normalise(x.data<float>()[i], m, affine, group * width + c);
          y.data<float>()[i] = static_cast<float>(apply(act, z));
        }
      }
    }
  }
}

void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y) {
  const std::int64_t channels = x.dim(-1), rows = x.count() / channels;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = x.data<float>() + r * channels;
    const Moments m = moments(row, 1, channels, channels, eps);
    for (std::int64_t c = 0; c < channels; ++c) {
      y.data<float>()[r * channels + c] = static_cast<float>(normalise(row[c], m, affine, c));
    }
  }
}

}  // namespace dq::ops::ref
