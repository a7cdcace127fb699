#include "ops/upsample.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/cpu/kernels.h"

namespace dq::ops::cpu {

// One task an output row; equal neighbouring rows are copied whole.
void upsample_nearest(const Tensor& x, Tensor& y) {
  const std::int64_t height = y.dim(1), width = y.dim(2), channels = y.dim(3);
  const auto pixel_bytes = static_cast<std::size_t>(channels) * sizeof(float);
  std::vector<std::int64_t> columns(static_cast<std::size_t>(width));
  for (std::int64_t j = 0; j < width; ++j) {
    columns[static_cast<std::size_t>(j)] = nearest_source(j, x.dim(2), width) * channels;
  }
  y.device().threads().parallel_for(y.dim(0) * x.dim(1), [&](std::int64_t task, int) {
    const std::int64_t image = task / x.dim(1), row = task % x.dim(1);
    const float* from = x.data<float>() + task * x.dim(2) * channels;
    const float* first = nullptr;
    for (std::int64_t i = std::max<std::int64_t>(row * height / x.dim(1) - 1, 0); i < height; ++i) {
      const std::int64_t source = nearest_source(i, x.dim(1), height);
      if (source < row) continue;
      if (source > row) break;
      float* to = y.data<float>() + (image * height + i) * width * channels;
      if (first) {
        std::memcpy(to, first, pixel_bytes * static_cast<std::size_t>(width));
        continue;
      }
      first = to;
      for (std::size_t j = 0; j < columns.size(); ++j, to += channels)
        std::memcpy(to, from + columns[j], pixel_bytes);
    }
  });
}

}  // namespace dq::ops::cpu
