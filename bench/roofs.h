#pragma once
// What this processor can do at most.
#include <cstdint>

namespace dq::bench {

// `steps` rounds of independent AVX2 FMAs in registers; returns the floating-point operations done.
double run_fmas(std::int64_t steps);

// y = x·wᵀ by oneDNN, one thread, f32. x: [m, k], w: [n, k], y: [m, n].
void onednn_matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* x, const float* w, float* y);

}  // namespace dq::bench
