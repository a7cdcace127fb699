#pragma once
// AdamW's step for some numbers of a leaf, whatever form its moments are kept in.
#include <cmath>
#include <cstdint>

#include "grad/optimizer.h"

namespace dq::grad {

// One step's numbers, the same for every element of a leaf.
struct AdamWStep {
  float keep;             // 1 − rate·decay
  float share1;           // 1 − β1; taken in f64, as 1 − β2 in f32 is off by 10⁻⁵
  float beta2, share2;    // β2, 1 − β2
  float rate;             // rate/(1 − β1ᵗ)
  float correction, eps;  // √(1 − β2ᵗ)
};

// The t-th step (from 1) of a leaf.
inline AdamWStep adamw_step(const AdamWOptions& o, const Trained& leaf, double rate, std::int64_t count) {
  const auto t = static_cast<double>(count);
  const double own = rate * leaf.rate, decay = leaf.decays ? o.weight_decay : 0;
  return {static_cast<float>(1 - own * decay),
          static_cast<float>(1 - o.beta1),
          static_cast<float>(o.beta2),
          static_cast<float>(1 - o.beta2),
          static_cast<float>(own / (1 - std::pow(o.beta1, t))),
          static_cast<float>(std::sqrt(1 - std::pow(o.beta2, t))),
          static_cast<float>(o.eps)};
}

inline void adamw_update(const AdamWStep& s, const float* gradient, float* value, float* m, float* v,
                         std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    m[i] = m[i] + (g - m[i]) * s.share1;
    v[i] = v[i] * s.beta2 + g * g * s.share2;
    value[i] = value[i] * s.keep - s.rate * m[i] / (std::sqrt(v[i]) / s.correction + s.eps);
  }
}

}  // namespace dq::grad
