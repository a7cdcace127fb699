#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

template <class T>
void weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& o, Precision compute,
                     Tensor& dw) {
  const auto number = [&](T v) {
    return compute == Precision::kBF16 ? static_cast<double>(to_float(to_bfloat16(static_cast<float>(v))))
                                       : static_cast<double>(v);
  };
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
      sum += number(x.data<T>()[((image * height + row) * width + column) * in + c]) *
             number(dy.data<T>()[pixel * out + n]);
    }
    dw.data<T>()[i] = static_cast<T>(sum);
  }
}

}  // namespace

void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, Tensor& dw) {
  if (x.dtype() == DType::kF64) return weight_gradient<double>(x, dy, options, compute, dw);
  weight_gradient<float>(x, dy, options, compute, dw);
}

}  // namespace dq::ops::ref
