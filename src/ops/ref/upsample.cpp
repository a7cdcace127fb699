#include "ops/upsample.h"

#include "ops/ref/reference.h"

namespace dq::ops::ref {

void upsample_nearest(const Tensor& x, Tensor& y) {
  const std::int64_t height = y.dim(1), width = y.dim(2), channels = y.dim(3);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t c = i % channels, column = i / channels % width;
    const std::int64_t row = i / channels / width % height, image = i / channels / width / height;
    const std::int64_t from_row = nearest_source(row, x.dim(1), height);
    const std::int64_t from_column = nearest_source(column, x.dim(2), width);
    y.data<float>()[i] =
        x.data<float>()[((image * x.dim(1) + from_row) * x.dim(2) + from_column) * channels + c];
  }
}

}  // namespace dq::ops::ref
