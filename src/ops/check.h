#pragma once
// What the shape rules share: errors that name the op, the argument and its shape.
#include <string>

#include "tensor/tensor.h"

namespace dq::ops {

// Throws kInvalidArgument: "op: what".
[[noreturn]] void bad_argument(const char* op, const std::string& what);

// f32 of this rank (−1: any), else throws.
void check_f32(const char* op, const char* name, const Tensor& x, int rank = -1);
// The same, and contiguous.
void check_dense(const char* op, const char* name, const Tensor& x, int rank = -1);
// A contiguous f32 vector of `size` numbers.
void check_vector(const char* op, const char* name, const Tensor& x, std::int64_t size);

}  // namespace dq::ops
