#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// combine and blend are computed in the type of their terms: the header makes the order and the rounding of
// every term part of the result.
template <class T>
void combine_as(std::span<const Term> terms, Tensor& y) {
  for (std::int64_t i = 0; i < y.count(); ++i) {
    T sum = static_cast<T>(terms[0].factor) * terms[0].x->data<T>()[i];
    for (const Term& term : terms.subspan(1)) sum += static_cast<T>(term.factor) * term.x->data<T>()[i];
    y.data<T>()[i] = sum;
  }
}

template <class T>
void blend_as(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out) {
  const std::int64_t pixels = x.dim(2) * x.dim(3), image = x.dim(1) * pixels;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::int64_t n = mask.dim(0) > 1 ? i / image : 0;
    const T m = mask.data<T>()[n * pixels + i % pixels];
    out.data<T>()[i] = x.data<T>()[i] * m + y.data<T>()[i] * (1 - m);
  }
}

}  // namespace

void combine(std::span<const Term> terms, Tensor& y) {
  if (y.dtype() == DType::kF64) return combine_as<double>(terms, y);
  combine_as<float>(terms, y);
}

void multiply(const Tensor& a, const Tensor& b, Tensor& y) {
  Results to(y);
  for (std::int64_t i = 0; i < y.count(); ++i) to.set(i, Numbers(a)[i] * Numbers(b)[i]);
}

void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out) {
  if (out.dtype() == DType::kF64) return blend_as<double>(x, y, mask, out);
  blend_as<float>(x, y, mask, out);
}

void accumulate(const Tensor& x, Tensor& y) {
  const Numbers from(x), before(y);
  Results to(y);
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::int64_t at = element_offset(y, i);
    to.set(at, before[at] + from[i]);
  }
}

void sum_rows(const Tensor& x, Tensor& y) {
  const std::int64_t rows = x.dim(1), width = x.dim(2);
  const Numbers from(x);
  Results to(y);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    double sum = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += from[(i / width * rows + r) * width + i % width];
    to.set(i, sum);
  }
}

}  // namespace dq::ops::ref
