#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

struct Place {
  std::int64_t image, row, column, channel;
};

// One number of the result: Σ over the kernel and the input channels, in double.
double output(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& o, const Place& at) {
  const Numbers from(x), weights(weight.data);
  const int scale = o.upsample_input ? 2 : 1;
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  std::int64_t w = at.channel * channels * weight.kernel_h * weight.kernel_w;
  double sum = 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (int kh = 0; kh < weight.kernel_h; ++kh) {
      for (int kw = 0; kw < weight.kernel_w; ++kw, ++w) {
        const std::int64_t row = at.row * o.stride + kh - o.pad_top;
        const std::int64_t column = at.column * o.stride + kw - o.pad_left;
        if (row < 0 || row >= height * scale || column < 0 || column >= width * scale) continue;
        const double v = from[((at.image * height + row / scale) * width + column / scale) * channels + c];
        sum += factor(v, weight.compute) * weights[w];
      }
    }
  }
  return sum;
}

}  // namespace

void conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options, Tensor& y) {
  Results out(y);
  const std::int64_t channels = y.dim(3);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t c = i % channels, pixel = i / channels, column = pixel % y.dim(2);
    const std::int64_t row = pixel / y.dim(2) % y.dim(1), image = pixel / y.dim(2) / y.dim(1);
    double v = output(x, weight, options, {image, row, column, c});
    if (options.bias) v += Numbers(*options.bias)[c];
    if (options.per_image) v += Numbers(*options.per_image)[image * channels + c];
    if (options.residual) v += Numbers(*options.residual)[i];
    out.set(i, v);
  }
}

}  // namespace dq::ops::ref
