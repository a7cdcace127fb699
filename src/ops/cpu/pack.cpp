// Weights into the panels of gemm.h. Read once, in the order the file has them: a task takes the `nr` output
// channels of one panel, brings each into (kernel row, kernel column, channel) order and the panel's number
// type, then turns the nr rows into columns.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/matrix_kernels.h"

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

template <class T>
void collect(const Channel& s, const std::byte* from, std::byte* to) {
  const T* in = reinterpret_cast<const T*>(from);
  T* out = reinterpret_cast<T*>(to);
  for (std::int64_t h = 0; h < s.taps_h; ++h) {
    for (std::int64_t w = 0; w < s.taps_w; ++w) {
      const T* tap = in + h * s.stride_h + w * s.stride_w;
      for (std::int64_t c = 0; c < s.channels; ++c) std::memcpy(out++, tap + c * s.stride_c, sizeof(T));
    }
  }
}

void collect(const Channel& s, const std::byte* from, std::byte* to, int element_size) {
  switch (element_size) {
    case 1:
      return collect<std::uint8_t>(s, from, to);
    case 2:
      return collect<std::uint16_t>(s, from, to);
    case 4:
      return collect<std::uint32_t>(s, from, to);
    default:
      return collect<std::uint64_t>(s, from, to);
  }
}

// rows: nr rows of k numbers (those from `live` on are taken as 0) → panel, `group` steps of k side by side.
template <class T>
void turn(const T* rows, std::int64_t live, std::int64_t nr, std::int64_t k, std::int64_t group, T* panel) {
  constexpr std::int64_t kTile = 16;
  std::memset(panel, 0, static_cast<std::size_t>((k + group - 1) / group * group * nr) * sizeof(T));
  for (std::int64_t k0 = 0; k0 < k; k0 += kTile) {
    const std::int64_t k1 = std::min(k, k0 + kTile);
    for (std::int64_t n = 0; n < live; ++n) {
      const T* row = rows + n * k;
      for (std::int64_t i = k0; i < k1; ++i) panel[(i / group * nr + n) * group + i % group] = row[i];
    }
  }
}

PackedWeight pack(Device& any_device, const Tensor& weight, const Channel& source, Precision compute) {
  auto& device = static_cast<CpuDevice&>(any_device);
  const GemmKernels& kernels = device.gemm();
  const std::int64_t nr = compute == Precision::kBF16 ? kernels.bf16.nr : kernels.f32.nr;
  const std::int64_t n = weight.dim(0), k = source.channels * source.taps_h * source.taps_w;
  const std::int64_t panels = (n + nr - 1) / nr;
  const bool pairs = compute == Precision::kBF16 && kernels.bf16_format == PanelFormat::kBF16Pairs;
  const DType dtype = panel_dtype(weight.dtype(), compute);
  PackedWeight out;
  out.data = Tensor::empty(device, dtype, pairs ? Shape{panels, (k + 1) / 2, nr, 2} : Shape{panels, k, nr});
  out.out_channels = n;
  out.in_channels = source.channels;
  out.kernel_h = static_cast<int>(source.taps_h);
  out.kernel_w = static_cast<int>(source.taps_w);
  out.compute = compute;

  const int from_size = size_of(weight.dtype()), to_size = size_of(dtype);
  const std::int64_t panel_bytes = out.data.strides()[0] * to_size, row_bytes = k * to_size;
  const bool in_order = source.stride_c == 1 && source.taps_h * source.taps_w == 1;
  device.threads().parallel_for(panels, [&](std::int64_t p, int) {
    std::vector<std::byte> line(in_order ? 0 : static_cast<std::size_t>(k * from_size));
    std::vector<std::byte> rows(static_cast<std::size_t>(nr * row_bytes));
    const std::int64_t live = std::min(nr, n - p * nr);
    for (std::int64_t i = 0; i < live; ++i) {
      const std::byte* from = weight.raw() + (p * nr + i) * weight.strides()[0] * from_size;
      if (!in_order) collect(source, from, line.data(), from_size);
      convert_row(in_order ? from : line.data(), weight.dtype(), rows.data() + i * row_bytes, dtype, k);
    }
    std::byte* panel = out.data.raw() + p * panel_bytes;
    if (to_size == 4) {
      turn(reinterpret_cast<const float*>(rows.data()), live, nr, k, 1, reinterpret_cast<float*>(panel));
    } else {
      turn(reinterpret_cast<const std::uint16_t*>(rows.data()), live, nr, k, pairs ? 2 : 1,
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
