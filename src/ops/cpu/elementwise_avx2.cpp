// Plain loops: the compiler turns them into full vectors.
#include "ops/cpu/elementwise_kernels.h"

namespace dq::ops::cpu {

void scale(float factor, const float* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = factor * x[i];
}

void add_scaled(float factor, const float* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

void scale_and_add(float fa, const float* a, float fb, const float* b, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = fa * a[i] + fb * b[i];
}

void blend_row(const float* x, const float* y, const float* m, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] * m[i] + y[i] * (1 - m[i]);
}

}  // namespace dq::ops::cpu
