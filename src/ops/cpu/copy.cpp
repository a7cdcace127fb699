// Copies between strided layouts. The axes are sorted by the stride of y and neighbours that run on are
// merged; what is left is rows that are contiguous on both sides, a transposition, or a plain strided walk.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/kernels.h"

namespace dq::ops::cpu {
namespace {

struct Axis {
  std::int64_t size, from, to;  // strides of x and y in elements
};

// One element's bytes and types on both sides.
struct Elements {
  DType from, to;
  std::int64_t from_bytes, to_bytes;
  bool same() const { return from == to; }
};

// Fewer bytes than this are not worth waking threads.
constexpr std::int64_t kParallelBytes = 1 << 17;

// The axes of both tensors, outermost in y first, without those of size 1.
std::vector<Axis> merged_axes(const Tensor& x, const Tensor& y) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    if (x.shape()[i] != 1) axes.push_back({x.shape()[i], x.strides()[i], y.strides()[i]});
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.to > b.to; });
  std::vector<Axis> merged;
  for (const Axis& axis : axes) {
    if (!merged.empty() && merged.back().from == axis.from * axis.size &&
        merged.back().to == axis.to * axis.size) {
      merged.back() = {merged.back().size * axis.size, axis.from, axis.to};
    } else {
      merged.push_back(axis);
    }
  }
  if (merged.empty()) merged.push_back({1, 1, 1});
  return merged;
}

void copy_row(const std::byte* x, std::byte* y, std::int64_t n, const Elements& e) {
  if (e.same())
    std::memcpy(y, x, static_cast<std::size_t>(n * e.from_bytes));
  else
    convert_row(x, e.from, y, e.to, n);
}

template <class T>
void move_strided(const std::byte* x, std::int64_t x_stride, std::byte* y, std::int64_t y_stride,
                  std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::memcpy(y + i * y_stride * static_cast<std::int64_t>(sizeof(T)),
                x + i * x_stride * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  }
}

void move_any(const std::byte* x, std::int64_t x_stride, std::byte* y, std::int64_t y_stride, std::int64_t n,
              std::int64_t bytes) {
  switch (bytes) {
    case 1:
      return move_strided<std::uint8_t>(x, x_stride, y, y_stride, n);
    case 2:
      return move_strided<std::uint16_t>(x, x_stride, y, y_stride, n);
    case 4:
      return move_strided<std::uint32_t>(x, x_stride, y, y_stride, n);
    default:
      return move_strided<std::uint64_t>(x, x_stride, y, y_stride, n);
  }
}

// A row with strides on either side; conversions go through a small contiguous buffer.
void copy_strided_row(const std::byte* x, std::byte* y, const Axis& row, const Elements& e) {
  if (row.from == 1 && row.to == 1) return copy_row(x, y, row.size, e);
  if (e.same()) return move_any(x, row.from, y, row.to, row.size, e.from_bytes);
  constexpr std::int64_t chunk = 128;
  alignas(64) std::array<std::byte, chunk * 8> before, after;
  for (std::int64_t i = 0; i < row.size; i += chunk) {
    const std::int64_t n = std::min(chunk, row.size - i);
    move_any(x + i * row.from * e.from_bytes, row.from, before.data(), 1, n, e.from_bytes);
    convert_row(before.data(), e.from, after.data(), e.to, n);
    move_any(after.data(), 1, y + i * row.to * e.to_bytes, row.to, n, e.to_bytes);
  }
}

// The element offsets of outer index `flat` over `axes`.
Axis offsets(std::span<const Axis> axes, std::int64_t flat) {
  Axis at{0, 0, 0};
  for (std::size_t a = axes.size(); a-- > 0;) {
    at.from += flat % axes[a].size * axes[a].from;
    at.to += flat % axes[a].size * axes[a].to;
    flat /= axes[a].size;
  }
  return at;
}

std::int64_t product(std::span<const Axis> axes) {
  std::int64_t n = 1;
  for (const Axis& axis : axes) n *= axis.size;
  return n;
}

// A row that is too long for one task is cut into pieces, so that all threads copy one contiguous tensor.
void copy_rows(ThreadPool& threads, const std::byte* x, std::byte* y, std::span<const Axis> axes,
               const Elements& e) {
  const Axis row = axes.back();
  const std::span<const Axis> outer = axes.first(axes.size() - 1);
  const std::int64_t longest = kParallelBytes / e.to_bytes, pieces = (row.size + longest - 1) / longest;
  const std::int64_t total = product(outer) * pieces,
                     per_task = std::max<std::int64_t>(1, longest / row.size);
  threads.parallel_for((total + per_task - 1) / per_task, [&](std::int64_t task, int) {
    for (std::int64_t i = task * per_task; i < std::min(total, (task + 1) * per_task); ++i) {
      const Axis at = offsets(outer, i / pieces);
      const std::int64_t begin = i % pieces * longest;
      const Axis piece{std::min(longest, row.size - begin), row.from, row.to};
      copy_strided_row(x + (at.from + begin * row.from) * e.from_bytes,
                       y + (at.to + begin * row.to) * e.to_bytes, piece, e);
    }
  });
}

// The innermost axis of y is strided in x, and `turned` is the one that runs through neighbours in x. A task
// is a tile of 128×128, which stays in the L2 cache with its runs of half a kilobyte on both sides; in it
// blocks of 16×16 fill whole cache lines.
void copy_transposed(ThreadPool& threads, const std::byte* x, std::byte* y, std::vector<Axis> axes,
                     std::size_t turned) {
  constexpr std::int64_t tile = 128, block = 16;
  const Axis column = axes.back(), row = axes[turned];
  axes.pop_back();
  axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(turned));
  const std::int64_t row_tiles = (row.size + tile - 1) / tile, column_tiles = (column.size + tile - 1) / tile;
  threads.parallel_for(product(axes) * row_tiles * column_tiles, [&](std::int64_t task, int) {
    const Axis at = offsets(axes, task / (row_tiles * column_tiles));
    const std::int64_t r0 = task / column_tiles % row_tiles * tile, c0 = task % column_tiles * tile;
    const std::int64_t r1 = std::min(row.size, r0 + tile), c1 = std::min(column.size, c0 + tile);
    for (std::int64_t r = r0; r < r1; r += block) {
      for (std::int64_t c = c0; c < c1; c += block) {
        transpose_4_bytes(x + (at.from + r + c * column.from) * 4, column.from,
                          y + (at.to + r * row.to + c) * 4, row.to, std::min(block, r1 - r),
                          std::min(block, c1 - c));
      }
    }
  });
}

}  // namespace

void copy(const Tensor& x, Tensor& y) {
  const std::vector<Axis> axes = merged_axes(x, y);
  const Elements e{x.dtype(), y.dtype(), size_of(x.dtype()), size_of(y.dtype())};
  ThreadPool& threads = y.device().threads();
  const Axis& last = axes.back();
  if (e.same() && e.from_bytes == 4 && last.to == 1 && last.from != 1) {
    for (std::size_t a = 0; a + 1 < axes.size(); ++a) {
      if (axes[a].from == 1) return copy_transposed(threads, x.raw(), y.raw(), axes, a);
    }
  }
  copy_rows(threads, x.raw(), y.raw(), axes, e);
}

}  // namespace dq::ops::cpu
