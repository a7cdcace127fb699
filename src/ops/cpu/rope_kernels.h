#pragma once
// Loops of rotary embedding over one head. Memory sets their pace: one version (AVX2) serves every processor.
#include <cstdint>

namespace dq::ops::cpu {

// (a, b) → (a·cos − b·sin, b·cos + a·sin) of `half` pairs; sin is taken times `sign`.
void turn_pairs(const float* x, const float* cos, const float* sin, float sign, std::int64_t half, float* y);
void turn_halves(const float* x, const float* cos, const float* sin, float sign, std::int64_t half, float* y);

}  // namespace dq::ops::cpu
