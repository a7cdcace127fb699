#pragma once
// Which convolutions Winograd computes, and how their tiles are shared among threads.
#include "ops/conv2d.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/winograd.h"

namespace dq::ops::cpu {

// The rule looks at shapes only, never at threads, so that a convolution is computed one way everywhere.
bool winograd_pays(const Tensor& y, const PackedWeight& weight, const Conv2dOptions& options);

void run_winograd(CpuDevice& device, const WinogradImages& images, std::int64_t batch, const Panels& w,
                  const Epilogue& out);

}  // namespace dq::ops::cpu
