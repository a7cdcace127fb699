#include "ops/ref/reference.h"

namespace dq::ops::ref {

// Here the header itself asks for f32 sums: the order and the rounding of every term are part of the result.
void combine(std::span<const Term> terms, Tensor& y) {
  for (std::int64_t i = 0; i < y.count(); ++i) {
    float sum = static_cast<float>(terms[0].factor) * terms[0].x->data<float>()[i];
    for (const Term& term : terms.subspan(1))
      sum += static_cast<float>(term.factor) * term.x->data<float>()[i];
    y.data<float>()[i] = sum;
  }
}

void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out) {
  const std::int64_t pixels = x.dim(2) * x.dim(3), image = x.dim(1) * pixels;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::int64_t n = mask.dim(0) > 1 ? i / image : 0;
    const float m = mask.data<float>()[n * pixels + i % pixels];
    out.data<float>()[i] = x.data<float>()[i] * m + y.data<float>()[i] * (1 - m);
  }
}

}  // namespace dq::ops::ref
