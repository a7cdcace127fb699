// The weight's gradient of a convolution as one matrix product: row (channel, tap) of the result is a channel
// of x, shifted by the tap, times dy; the sum runs over all output pixels. x is turned round once, to
// [channel, image, row, column] with its padding, so that the pixels of a row are neighbours; dy becomes the
// panels.
//
//   dwᵀ[c·taps + tap, n] = Σ_pixel x̂[c, pixel shifted by tap]·dy[pixel, n]
#include <algorithm>
#include <cstring>

#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/matrix_kernels.h"
#include "ops/cpu/winograd_plan.h"

namespace dq::ops::cpu {
namespace {

struct ShiftedRows {
  const float* x = nullptr;  // [C, N, height, width], padded
  std::int64_t images = 0, height = 0, width = 0;
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t kernel_h = 1, kernel_w = 1, stride = 1;

  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t kc, float* to);
};

const float* ShiftedRows::row(const void* self, std::int64_t m, std::int64_t k, std::int64_t kc, float* to) {
  const ShiftedRows& s = *static_cast<const ShiftedRows*>(self);
  const std::int64_t tap_w = m % s.kernel_w, tap_h = m / s.kernel_w % s.kernel_h;
  const std::int64_t channel = m / s.kernel_w / s.kernel_h;
  std::int64_t column = k % s.out_width, row = k / s.out_width % s.out_height;
  std::int64_t image = k / s.out_width / s.out_height;
  float* out = to;
  for (std::int64_t left = kc; left > 0;) {
    const std::int64_t run = std::min(s.out_width - column, left);
    const float* from = s.x + ((channel * s.images + image) * s.height + row * s.stride + tap_h) * s.width +
                        column * s.stride + tap_w;
    if (s.stride == 1) {
      if (run == kc) return from;
      std::memcpy(out, from, static_cast<std::size_t>(run) * sizeof(float));
    } else {
      for (std::int64_t i = 0; i < run; ++i) out[i] = from[i * s.stride];
    }
    out += run;
    left -= run;
    column = 0;
    if (++row == s.out_height) row = 0, ++image;
  }
  return to;
}

// x with its padding as [C, N, H, W]. One call sees every pixel once.
Tensor channels_first(const Tensor& x, const Conv2dOptions& o) {
  const std::int64_t height = x.dim(1) + o.pad_top + o.pad_bottom,
                     width = x.dim(2) + o.pad_left + o.pad_right;
  const bool padded = height != x.dim(1) || width != x.dim(2);
  const Shape shape{x.dim(3), x.dim(0), height, width};
  Tensor out =
      padded ? Tensor::zeros(x.device(), DType::kF32, shape) : Tensor::empty(x.device(), DType::kF32, shape);
  Tensor inside = out.slice(2, o.pad_top, o.pad_top + x.dim(1)).slice(3, o.pad_left, o.pad_left + x.dim(2));
  copy(x.permute({3, 0, 1, 2}), inside);
  return out;
}

}  // namespace

void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, Tensor& dw) {
  CpuDevice& device = cpu_device(dw);
  if (winograd_gradient_pays(x, dy, options, compute, dw)) {
    WinogradImages images{x.data<float>(), nullptr, x.dim(1), x.dim(2), x.dim(3), dy.dim(1), dy.dim(2)};
    images.tiles_y = (dy.dim(1) + kWinogradTile - 1) / kWinogradTile;
    images.tiles_x = (dy.dim(2) + kWinogradTile - 1) / kWinogradTile;
    images.pad_top = options.pad_top;
    images.pad_left = options.pad_left;
    return winograd_weight_gradient(images, dy, dw);
  }
  const Tensor turned = channels_first(x, options);
  const std::int64_t pixels = dy.count() / dy.dim(3);
  const PackedWeight panels = pack_linear(device, dy.reshape({pixels, dy.dim(3)}).permute({1, 0}), compute);
  ShiftedRows rows;
  rows.x = turned.data<float>();
  rows.images = x.dim(0);
  rows.height = turned.dim(2);
  rows.width = turned.dim(3);
  rows.out_height = dy.dim(1);
  rows.out_width = dy.dim(2);
  rows.kernel_h = dw.dim(2);
  rows.kernel_w = dw.dim(3);
  rows.stride = options.stride;
  const std::int64_t m = x.dim(3) * rows.kernel_h * rows.kernel_w;
  Tensor product = Tensor::empty(device, DType::kF32, {m, dy.dim(3)});
  Epilogue out;
  out.y = product.data<float>();
  out.n = dy.dim(3);
  run_gemm(device, m, {{ShiftedRows::row, &rows}, panels_of(device, panels)}, nullptr, out);
  Tensor flat = dw.reshape({dw.dim(0), m});
  copy(product.permute({1, 0}), flat);
}

}  // namespace dq::ops::cpu
