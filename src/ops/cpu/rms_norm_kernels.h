#pragma once
// Loops of RMS norm, compiled once per instruction set.
#include <cstdint>

namespace dq::ops::cpu {

struct RmsNormRow {
  const float *x, *weight;  // weight may be null: ones
  std::int64_t width;
  float eps;
};

struct RmsNormKernels {
  void (*row)(const RmsNormRow& row, float* y);
  // dx, unless null; the row's share is added to dweight, unless null.
  void (*gradient_row)(const RmsNormRow& row, const float* dy, float* dx, float* dweight);
};

extern const RmsNormKernels kRmsNormAvx2, kRmsNormAvx512, kRmsNormEmulated512;

}  // namespace dq::ops::cpu
