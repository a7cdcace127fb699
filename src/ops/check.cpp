#include "ops/check.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ops/backend.h"

namespace dq::ops {

void bad_argument(const char* op, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", op, what));
}

void check_real(const char* op, const char* name, const Tensor& x, int rank) {
  if (!x.defined()) bad_argument(op, fmt::format("{} is not there", name));
  const bool fits = x.dtype() == DType::kF32 || (x.dtype() == DType::kF64 && x.device().backend().takes_f64);
  if (!fits) bad_argument(op, fmt::format("{} is {}, not F32", name, to_string(x.dtype())));
  if (rank >= 0 && x.rank() != rank) {
    bad_argument(op,
                 fmt::format("{} has shape {}, {} dimensions are needed", name, to_string(x.shape()), rank));
  }
}

void check_dense(const char* op, const char* name, const Tensor& x, int rank) {
  check_real(op, name, x, rank);
  if (!x.is_contiguous()) {
    bad_argument(op, fmt::format("{} of shape {} is not contiguous", name, to_string(x.shape())));
  }
}

void check_vector(const char* op, const char* name, const Tensor& x, std::int64_t size) {
  check_dense(op, name, x, 1);
  if (x.dim(0) != size) bad_argument(op, fmt::format("{} has {} numbers, not {}", name, x.dim(0), size));
}

}  // namespace dq::ops
