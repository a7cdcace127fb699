// The way back of everything but matrix products, norms and attention.
#include <algorithm>
#include <vector>

#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/backward_loops.h"
#include "ops/cpu/cpu_device.h"
#include "ops/upsample.h"

namespace dq::ops::cpu {
namespace {

constexpr std::int64_t kTaskNumbers = 1 << 14;

// task(begin, count) over pieces of n numbers.
template <class Task>
void in_pieces(Device& device, std::int64_t n, const Task& task) {
  device.threads().parallel_for((n + kTaskNumbers - 1) / kTaskNumbers, [&](std::int64_t i, int) {
    task(i * kTaskNumbers, std::min(kTaskNumbers, n - i * kTaskNumbers));
  });
}

}  // namespace

void accumulate(const Tensor& x, Tensor& y) {
  const float* from = x.data<float>();
  float* to = y.data<float>();
  if (y.is_contiguous()) {
    return in_pieces(y.device(), y.count(),
                     [&](std::int64_t at, std::int64_t n) { add_to(from + at, to + at, n); });
  }
  const std::int64_t width = y.dim(-1), step = y.strides().back(),
                     rows = y.count() / std::max<std::int64_t>(width, 1);
  y.device().threads().parallel_for(rows, [&](std::int64_t row, int) {
    std::int64_t offset = 0, left = row;
    for (int axis = y.rank() - 2; axis >= 0; --axis) {
      offset += left % y.dim(axis) * y.strides()[static_cast<std::size_t>(axis)];
      left /= y.dim(axis);
    }
    if (step == 1) return add_to(from + row * width, to + offset, width);
    for (std::int64_t i = 0; i < width; ++i) to[offset + i * step] += from[row * width + i];
  });
}

void multiply(const Tensor& a, const Tensor& b, Tensor& y) {
  in_pieces(y.device(), y.count(), [&](std::int64_t at, std::int64_t n) {
    multiply_rows(a.data<float>() + at, b.data<float>() + at, y.data<float>() + at, n);
  });
}

void activate_gradient(const Tensor& x, Activation act, const Tensor& dy, Tensor& dx) {
  in_pieces(dx.device(), dx.count(), [&](std::int64_t at, std::int64_t n) {
    activation_gradient(x.data<float>() + at, dy.data<float>() + at, n, act, dx.data<float>() + at);
  });
}

void geglu(const Tensor& x, Tensor& y) {
  const std::int64_t width = y.dim(-1);
  y.device().threads().parallel_for(y.count() / width, [&](std::int64_t row, int) {
    geglu_row(x.data<float>() + 2 * row * width, width, y.data<float>() + row * width);
  });
}

void geglu_gradient(const Tensor& x, const Tensor& dy, Tensor& dx) {
  const std::int64_t width = dy.dim(-1);
  dx.device().threads().parallel_for(dy.count() / width, [&](std::int64_t row, int) {
    geglu_gradient_row(x.data<float>() + 2 * row * width, dy.data<float>() + row * width, width,
                       dx.data<float>() + 2 * row * width);
  });
}

// Rows are added in pieces of fixed length, and the pieces in order.
void sum_rows(const Tensor& x, Tensor& y) {
  constexpr std::int64_t kPiece = 128;
  const std::int64_t blocks = x.dim(0), rows = x.dim(1), width = x.dim(2),
                     pieces = (rows + kPiece - 1) / kPiece;
  std::vector<float> partial(static_cast<std::size_t>(blocks * pieces * width));
  y.device().threads().parallel_for(blocks * pieces, [&](std::int64_t task, int) {
    const std::int64_t block = task / pieces, first = task % pieces * kPiece;
    for (std::int64_t r = first; r < std::min(rows, first + kPiece); ++r) {
      add_to(x.data<float>() + (block * rows + r) * width, partial.data() + task * width, width);
    }
  });
  for (std::int64_t task = 0; task < blocks * pieces; ++task) {
    add_to(partial.data() + task * width, y.data<float>() + task / pieces * width, width);
  }
}

void upsample_nearest_gradient(const Tensor& dy, Tensor& dx) {
  const std::int64_t height = dy.dim(1), width = dy.dim(2), channels = dy.dim(3), in_height = dx.dim(1),
                     in_width = dx.dim(2);
  std::vector<std::int64_t> row_from, column_from;
  for (std::int64_t i = 0; i < height; ++i) row_from.push_back(nearest_source(i, in_height, height));
  for (std::int64_t i = 0; i < width; ++i) column_from.push_back(nearest_source(i, in_width, width));
  dx.device().threads().parallel_for(dx.dim(0) * in_height, [&](std::int64_t task, int) {
    const std::int64_t image = task / in_height, row = task % in_height;
    for (std::int64_t i = 0; i < height; ++i) {
      if (row_from[static_cast<std::size_t>(i)] != row) continue;
      for (std::int64_t j = 0; j < width; ++j) {
        const std::int64_t column = column_from[static_cast<std::size_t>(j)];
        add_to(dy.data<float>() + ((image * height + i) * width + j) * channels,
               dx.data<float>() + (task * in_width + column) * channels, channels);
      }
    }
  });
}

void embedding_gradient(const Tensor& dy, std::span<const std::int32_t> ids, Tensor& dtable) {
  const std::int64_t width = dy.dim(1);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    add_to(dy.data<float>() + static_cast<std::int64_t>(i) * width, dtable.data<float>() + ids[i] * width,
           width);
  }
}

}  // namespace dq::ops::cpu
