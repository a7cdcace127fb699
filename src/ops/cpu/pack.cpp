// Weights into the panels of gemm.h. Read once, in the order the file has them: a task takes the `nr` output
// channels of one panel, brings each into (kernel row, kernel column, channel) order and the panel's number
// type, then turns the nr rows into columns.
#include <algorithm>
#include <cstring>

#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/matrix_kernels.h"
#include "ops/cpu/pack_kernels.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// The panels' number type: the source's own 16 bits where it has them; f8 fits f16 exactly.
DType panel_dtype(DType source, Precision compute) {
  if (compute == Precision::kBF16) return DType::kBF16;
  switch (source) {
    case DType::kF16:
    case DType::kF8E4M3:
    case DType::kF8E5M2:
      return DType::kF16;
    case DType::kBF16:
      return DType::kBF16;
    default:
      return DType::kF32;
  }
}

// One output channel: elements (c, kh, kw) with these strides, wanted in (kh, kw, c) order.
struct Channel {
  std::int64_t channels = 0, taps_h = 1, taps_w = 1;
  std::int64_t stride_c = 0, stride_h = 0, stride_w = 0;
};

void collect(const Channel& s, const std::byte* from, std::byte* to, int element_size) {
  for (std::int64_t h = 0; h < s.taps_h; ++h) {
    for (std::int64_t w = 0; w < s.taps_w; ++w, to += s.channels * element_size) {
      gather_strided(from + (h * s.stride_h + w * s.stride_w) * element_size, s.stride_c, to, s.channels,
                     element_size);
    }
  }
}

// rows: nr rows of `line` bytes, a multiple of 4 → panel: the 4-byte pieces of one column side by side. For
// f32 that is the panel; for 16 bits it is the panel of pairs, which `unzip` takes apart when k stands alone.
void turn(const std::byte* rows, std::int64_t line, std::int64_t nr, std::byte* panel) {
  transpose_4_bytes(rows, line / 4, panel, nr, line / 4, nr);
}

// A thread's room: one output channel in (kh, kw, c) order, nr rows of the panel's type, the panel as pairs.
struct Room {
  std::int64_t channel, rows, pairs;  // bytes, multiples of 64
  std::int64_t bytes() const { return channel + rows + pairs; }
};

// A matrix whose output channels are neighbours already, as the turned ones of gradients are: its rows are
// the panels' lines.
void pack_lines(CpuDevice& device, const Tensor& weight, std::int64_t nr, std::int64_t lines, Tensor& data) {
  constexpr std::int64_t kLines = 512;  // of a task; even
  const std::int64_t n = weight.dim(0), k = weight.dim(1), stride = weight.strides()[1];
  const std::int64_t panels = data.dim(0), chunks = ceil_div(lines, kLines);
  device.threads().parallel_for(panels * chunks, [&](std::int64_t i, int) {
    const std::int64_t p = i / chunks, first = i % chunks * kLines, count = std::min(kLines, lines - first);
    const float* from = weight.data<float>() + p * nr + first * stride;
    const std::int64_t at = p * data.strides()[0] + first * nr, live = std::min(nr, n - p * nr);
    if (data.dtype() == DType::kF32) {
      copy_lines(from, stride, live, nr, count, data.data<float>() + at);
    } else {
      zip_lines(from, stride, live, nr, k - first, count, reinterpret_cast<std::uint16_t*>(data.raw()) + at);
    }
  });
}

PackedWeight pack(Device& any_device, const Tensor& weight, const Channel& source, Precision compute) {
  auto& device = static_cast<CpuDevice&>(any_device);
  const GemmKernels& kernels = device.gemm();
  const GemmShape& shape = compute == Precision::kBF16 ? kernels.bf16 : kernels.f32;
  const std::int64_t nr = shape.nr;
  const std::int64_t n = weight.dim(0), k = source.channels * source.taps_h * source.taps_w;
  const std::int64_t panels = (n + nr - 1) / nr;
  const bool pairs = compute == Precision::kBF16 && kernels.bf16_format == PanelFormat::kBF16Pairs;
  const DType dtype = panel_dtype(weight.dtype(), compute);
  PackedWeight out;
  const std::int64_t lines = pairs ? round_up(k, shape.k_step) : k;
  out.data = Tensor::empty(device, dtype, pairs ? Shape{panels, lines / 2, nr, 2} : Shape{panels, k, nr});
  out.out_channels = n;
  out.in_channels = source.channels;
  out.kernel_h = static_cast<int>(source.taps_h);
  out.kernel_w = static_cast<int>(source.taps_w);
  out.compute = compute;

  const bool one_tap = source.taps_h * source.taps_w == 1;
  if (one_tap && weight.strides()[0] == 1 && weight.dtype() == DType::kF32 &&
      (pairs || dtype == DType::kF32)) {
    pack_lines(device, weight, nr, lines, out.data);
    return out;
  }
  const int from_size = size_of(weight.dtype()), to_size = size_of(dtype);
  const std::int64_t panel_bytes = out.data.strides()[0] * to_size, line = round_up(lines * to_size, 4);
  const bool in_order = source.stride_c == 1 && one_tap;
  const bool zipped = to_size == 2 && !pairs;
  const Room room{round_up(k * from_size, 64), round_up(nr * line, 64), zipped ? round_up(nr * line, 64) : 0};
  Tensor memory = Tensor::empty(device, DType::kU8, {device.threads().size(), room.bytes()});
  device.threads().parallel_for(panels, [&](std::int64_t p, int thread) {
    std::byte* channel = memory.raw() + thread * room.bytes();
    std::byte* rows = channel + room.channel;
    const std::int64_t live = std::min(nr, n - p * nr);
    if (live < nr || line != k * to_size) std::memset(rows, 0, static_cast<std::size_t>(nr * line));
    for (std::int64_t i = 0; i < live; ++i) {
      const std::byte* from = weight.raw() + (p * nr + i) * weight.strides()[0] * from_size;
      if (!in_order) collect(source, from, channel, from_size);
      convert_row(in_order ? from : channel, weight.dtype(), rows + i * line, dtype, k);
    }
    std::byte* panel = out.data.raw() + p * panel_bytes;
    turn(rows, line, nr, zipped ? rows + room.rows : panel);
    if (zipped) {
      unzip(reinterpret_cast<const std::uint32_t*>(rows + room.rows), nr, k,
            reinterpret_cast<std::uint16_t*>(panel));
    }
  });
  return out;
}

}  // namespace

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute) {
  Channel source;
  source.channels = weight.dim(1);
  source.stride_c = weight.strides()[1];
  return pack(device, weight, source, compute);
}

PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute) {
  const Shape& strides = weight.strides();
  return pack(device, weight,
              {weight.dim(1), weight.dim(2), weight.dim(3), strides[1], strides[2], strides[3]}, compute);
}

}  // namespace dq::ops::cpu
