#pragma once
// Additions, blends and copies.
#include <initializer_list>
#include <span>

#include "tensor/tensor.h"

namespace dq::ops {

struct Term {
  double factor;
  const Tensor* x;
};

// Σ factor·x over tensors of one shape, f32, contiguous. Every sampler step is one such sum. The terms are
// added left to right in f32; factors are rounded to f32 first.
Tensor combine(std::span<const Term> terms);
Tensor combine(std::initializer_list<Term> terms);

// a + b, one shape, f32.
Tensor add(const Tensor& a, const Tensor& b);

// a·b, element by element, one shape, f32.
Tensor multiply(const Tensor& a, const Tensor& b);

// The sum over rows: [A, B, C] → [A, C], [B, C] → [C]. Sums in f32, in an order that the shape alone decides.
Tensor sum_rows(const Tensor& x);

// x·mask + y·(1 − mask). x, y: [N, C, H, W] f32; mask: [N or 1, 1, H, W] f32.
Tensor blend(const Tensor& x, const Tensor& y, const Tensor& mask);

// The contiguous copy of a view (x itself when it is contiguous already). Any dtype.
Tensor contiguous(const Tensor& x);

// The numbers of x, contiguous, in memory of their own. Any dtype and rank.
Tensor copied(const Tensor& x);

// x as another dtype; f32 ↔ f16/bf16 and from f8, f64 and integers to f32. Host memory, any strides;
// contiguous result.
Tensor convert(const Tensor& x, DType dtype);

// Joins along an axis; the other sizes agree. Any one dtype, contiguous inputs.
Tensor concat(std::span<const Tensor> parts, int axis);
Tensor concat(std::initializer_list<Tensor> parts, int axis);

}  // namespace dq::ops
