#pragma once
// Loops over neighbouring f32. Memory sets their pace: one version (AVX2) serves every processor.
#include <cstdint>
#include <span>

namespace dq::ops::cpu {

// y = factor·x, and y += factor·x with the product rounded before the sum (no FMA: the result is then the
// same on every processor, and in PyTorch).
void scale(float factor, const float* x, float* y, std::int64_t n);
void add_scaled(float factor, const float* x, float* y, std::int64_t n);
// y = fa·a + fb·b in one pass.
void scale_and_add(float fa, const float* a, float fb, const float* b, float* y, std::int64_t n);
// out = x·m + y·(1 − m).
void blend_row(const float* x, const float* y, const float* m, float* out, std::int64_t n);

}  // namespace dq::ops::cpu
