#pragma once
// What the shape rules share: errors that name the op, the argument and its shape.
#include <string>

#include "tensor/tensor.h"

namespace dq::ops {

// Throws kInvalidArgument: "op: what".
[[noreturn]] void bad_argument(const char* op, const std::string& what);

// Throws unless x has this rank (−1: any) and is f32; f64 will do on devices that take it throughout. There,
// the numbers of one op are all f32 or all f64, and its result is what they are.
void check_real(const char* op, const char* name, const Tensor& x, int rank = -1);
// The same, and contiguous.
void check_dense(const char* op, const char* name, const Tensor& x, int rank = -1);
// A contiguous vector of `size` numbers.
void check_vector(const char* op, const char* name, const Tensor& x, std::int64_t size);

}  // namespace dq::ops
