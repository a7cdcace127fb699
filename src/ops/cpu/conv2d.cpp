// Convolution as a matrix product whose rows are gathered from the image (implicit GEMM): row m is an output
// pixel, k runs over (kernel row, kernel column, input channel), so that neighbouring taps of one kernel row
// are neighbours in a channels-last image.
#include <algorithm>
#include <cstring>

#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/matrix_kernels.h"
#include "ops/cpu/winograd_plan.h"

namespace dq::ops::cpu {
namespace {

struct Pixels {
  const float* x = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;  // of x as the convolution sees it: enlarged, not padded
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t kernel_w = 1;
  int stride = 1, pad_top = 0, pad_left = 0;
  int shift = 0;  // 1 when x is read as if enlarged twice

  const float* at(std::int64_t image, std::int64_t row, std::int64_t column) const {
    const std::int64_t h = height >> shift, w = width >> shift;
    return x + ((image * h + (row >> shift)) * w + (column >> shift)) * channels;
  }

  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t kc, float* to);
};

void put(float* to, const float* from, std::int64_t n) {
  if (from)
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
  else
    std::memset(to, 0, static_cast<std::size_t>(n) * sizeof(float));
}

const float* Pixels::row(const void* self, std::int64_t m, std::int64_t k, std::int64_t kc, float* to) {
  const Pixels& p = *static_cast<const Pixels*>(self);
  const std::int64_t image = m / (p.out_height * p.out_width), pixel = m % (p.out_height * p.out_width);
  const std::int64_t top = pixel / p.out_width * p.stride - p.pad_top;
  const std::int64_t left = pixel % p.out_width * p.stride - p.pad_left;
  const std::int64_t line = p.kernel_w * p.channels;  // numbers a kernel row
  const bool inside = left >= 0 && left + p.kernel_w <= p.width;
  float* out = to;
  for (const std::int64_t end = k + kc; k < end;) {
    const std::int64_t row = top + k / line, in_line = k % line;
    std::int64_t run = std::min(line - in_line, end - k);
    const bool row_inside = row >= 0 && row < p.height;
    if (!row_inside) {
      put(out, nullptr, run);
    } else if (inside && p.shift == 0) {
      const float* from = p.at(image, row, left) + in_line;
      if (run == kc) return from;
      put(out, from, run);
    } else {
      const std::int64_t column = left + in_line / p.channels, c = in_line % p.channels;
      run = std::min(run, p.channels - c);
      const bool there = column >= 0 && column < p.width;
      const float* from = there ? p.at(image, row, column) + c : nullptr;
      if (from && run == kc) return from;
      put(out, from, run);
    }
    out += run;
    k += run;
  }
  return to;
}

}  // namespace

void conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options, Tensor& y) {
  CpuDevice& device = cpu_device(y);
  Pixels pixels;
  pixels.x = x.data<float>();
  pixels.shift = options.upsample_input ? 1 : 0;
  pixels.height = x.dim(1) << pixels.shift;
  pixels.width = x.dim(2) << pixels.shift;
  pixels.channels = x.dim(3);
  pixels.out_height = y.dim(1);
  pixels.out_width = y.dim(2);
  pixels.kernel_w = weight.kernel_w;
  pixels.stride = options.stride;
  pixels.pad_top = options.pad_top;
  pixels.pad_left = options.pad_left;

  Epilogue out;
  out.y = y.data<float>();
  out.n = y.dim(3);
  out.rows_per_image = y.dim(1) * y.dim(2);
  if (options.bias) out.bias = options.bias->data<float>();
  if (options.per_image) out.per_image = options.per_image->data<float>();
  if (options.residual) out.residual = options.residual->data<float>();
  if (winograd_pays(y, weight, options)) {
    Panels w = panels_of(device, weight);
    WinogradImages images{pixels.x,        nullptr,  pixels.height, pixels.width,
                          pixels.channels, y.dim(1), y.dim(2)};
    images.pad_top = options.pad_top;
    images.pad_left = options.pad_left;
    images.shift = pixels.shift;
    return run_winograd(device, winograd_kernels(device, weight.compute), images, y.dim(0), w, out);
  }
  run_gemm(device, y.dim(0) * out.rows_per_image, {{Pixels::row, &pixels}, panels_of(device, weight)},
           nullptr, out);
}

}  // namespace dq::ops::cpu
