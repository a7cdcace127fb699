#include <immintrin.h>

#include "roofs.h"

namespace dq::bench {

double run_fmas(std::int64_t steps) {
  // Twelve chains: two units of latency 4 or 5 are kept busy.
  // Different starts, so that the compiler does not join the chains.
  __m256 s0 = _mm256_set1_ps(1), s1 = s0 * 2, s2 = s0 * 3, s3 = s0 * 4, s4 = s0 * 5, s5 = s0 * 6, s6 = s0 * 7,
         s7 = s0 * 8, s8 = s0 * 9, s9 = s0 * 10, s10 = s0 * 11, s11 = s0 * 12;
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  for (std::int64_t s = 0; s < steps; ++s) {
    s0 = _mm256_fmadd_ps(s0, a, b), s1 = _mm256_fmadd_ps(s1, a, b), s2 = _mm256_fmadd_ps(s2, a, b);
    s3 = _mm256_fmadd_ps(s3, a, b), s4 = _mm256_fmadd_ps(s4, a, b), s5 = _mm256_fmadd_ps(s5, a, b);
    s6 = _mm256_fmadd_ps(s6, a, b), s7 = _mm256_fmadd_ps(s7, a, b), s8 = _mm256_fmadd_ps(s8, a, b);
    s9 = _mm256_fmadd_ps(s9, a, b), s10 = _mm256_fmadd_ps(s10, a, b), s11 = _mm256_fmadd_ps(s11, a, b);
  }
  const __m256 sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
  __asm__ volatile("" : : "x"(sum));
  return static_cast<double>(steps) * 12 * 16;
}

}  // namespace dq::bench
