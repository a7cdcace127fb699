#pragma once
// Which convolutions Winograd computes, and how their tiles are shared among threads.
#include "ops/conv2d.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/winograd.h"

namespace dq::ops::cpu {

// The kernels for products in a precision: in bf16 where tile registers multiply it, else in f32.
const WinogradKernels& winograd_kernels(const CpuDevice& device, Precision compute);

// The rule looks at shapes only, never at threads, so that a convolution is computed one way everywhere.
bool winograd_pays(const Tensor& y, const PackedWeight& weight, const Conv2dOptions& options);

// `images` without its tiles.
void run_winograd(CpuDevice& device, const WinogradKernels& kernels, const WinogradImages& images,
                  std::int64_t batch, const Panels& w, const Epilogue& out);

// The weight's gradient (winograd_gradient.h): whether it is faster than one product over pixels, and the
// thing itself. dw: [out, in, 3, 3]. x is read through `images`, as in run_winograd.
bool winograd_gradient_pays(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, const Tensor& dw);
void winograd_weight_gradient(const WinogradImages& images, const Tensor& dy, Tensor& dw);

}  // namespace dq::ops::cpu
