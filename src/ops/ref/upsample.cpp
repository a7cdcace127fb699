#include "ops/upsample.h"

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// Which number of the small image the i-th of the large one reads.
std::int64_t source(const Tensor& small, const Tensor& large, std::int64_t i) {
  const std::int64_t height = large.dim(1), width = large.dim(2), channels = large.dim(3);
  const std::int64_t c = i % channels, column = i / channels % width;
  const std::int64_t row = i / channels / width % height, image = i / channels / width / height;
  const std::int64_t from_row = nearest_source(row, small.dim(1), height);
  const std::int64_t from_column = nearest_source(column, small.dim(2), width);
  return ((image * small.dim(1) + from_row) * small.dim(2) + from_column) * channels + c;
}

}  // namespace

void upsample_nearest(const Tensor& x, Tensor& y) {
  const Numbers from(x);
  Results to(y);
  for (std::int64_t i = 0; i < y.count(); ++i) to.set(i, from[source(x, y, i)]);
}

void upsample_nearest_gradient(const Tensor& dy, Tensor& dx) {
  const Numbers from(dy), before(dx);
  Results to(dx);
  for (std::int64_t i = 0; i < dy.count(); ++i) {
    const std::int64_t at = source(dx, dy, i);
    to.set(at, before[at] + from[i]);
  }
}

}  // namespace dq::ops::ref
