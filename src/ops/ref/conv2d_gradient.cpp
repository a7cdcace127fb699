#include "ops/ref/reference.h"

namespace dq::ops::ref {

void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& o, Precision compute,
                            Tensor& dw) {
  const Numbers from(x), slopes(dy);
  Results to(dw);
  const std::int64_t height = x.dim(1), width = x.dim(2), in = x.dim(3), out = dy.dim(3);
  for (std::int64_t i = 0; i < dw.count(); ++i) {
    const std::int64_t kw = i % dw.dim(3), kh = i / dw.dim(3) % dw.dim(2);
    const std::int64_t c = i / dw.dim(3) / dw.dim(2) % in, n = i / dw.dim(3) / dw.dim(2) / in;
    double sum = 0;
    for (std::int64_t pixel = 0; pixel < dy.count() / out; ++pixel) {
      const std::int64_t image = pixel / dy.dim(2) / dy.dim(1);
      const std::int64_t row = pixel / dy.dim(2) % dy.dim(1) * o.stride + kh - o.pad_top;
      const std::int64_t column = pixel % dy.dim(2) * o.stride + kw - o.pad_left;
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      sum += factor(from[((image * height + row) * width + column) * in + c], compute) *
             factor(slopes[pixel * out + n], compute);
    }
    to.set(i, sum);
  }
}

}  // namespace dq::ops::ref
