// Plain loops: the compiler turns them into full vectors.
#include "ops/cpu/rope_kernels.h"

namespace dq::ops::cpu {

void turn_pairs(const float* x, const float* cos, const float* sin, float sign, std::int64_t half, float* y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1], s = sign * sin[i];
    y[2 * i] = a * cos[i] - b * s;
    y[2 * i + 1] = b * cos[i] + a * s;
  }
}

void turn_halves(const float* x, const float* cos, const float* sin, float sign, std::int64_t half,
                 float* y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i], s = sign * sin[i];
    y[i] = a * cos[i] - b * s;
    y[half + i] = b * cos[i] + a * s;
  }
}

}  // namespace dq::ops::cpu
