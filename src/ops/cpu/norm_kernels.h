#pragma once
// Loops of the normalisations and activations, compiled once per instruction set.
#include <cstdint>

#include "ops/activation.h"
#include "ops/cpu/cpu_device.h"

namespace dq::ops::cpu {

// Per channel over some pixels: a rough mean m, Σ(x − m) and Σ(x − m)². m is close enough that the sums lose
// nothing; the first sum corrects it. Arrays hold whole vectors (a multiple of 16 floats).
struct ChannelSums {
  float *rough_mean, *first, *second;
};

// y = act((x − mean)·scale + shift) by channel.
struct ChannelMap {
  const float *mean, *scale, *shift;
};

struct NormKernels {
  // x: [pixels, channels].
  void (*sum_channels)(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelSums& sums);
  void (*map_channels)(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelMap& map,
                       Activation act, float* y);
  // One row of `width` numbers.
  void (*layer_norm)(const float* x, std::int64_t width, const float* weight, const float* bias, float eps,
                     float* y);
  void (*activate)(const float* x, std::int64_t n, Activation act, float* y);
};

extern const NormKernels kNormAvx2, kNormAvx512, kNormEmulated512;

const NormKernels& norm_kernels(KernelSet set);

}  // namespace dq::ops::cpu
