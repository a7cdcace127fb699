#include "ops/attention.h"

#include <fmt/format.h>

#include <cmath>

#include "ops/backend.h"
#include "ops/check.h"

namespace dq::ops {
namespace {

constexpr const char* kOp = "attention";

// Kernels read rows of any stride, but the numbers of a row must be neighbours.
Tensor dense_rows(const Tensor& x) {
  return x.dim(-1) <= 1 || x.strides().back() == 1 ? x : contiguous(x);
}

void check_bias(const Tensor& bias, std::int64_t n, std::int64_t heads, std::int64_t tq, std::int64_t tk) {
  check_f32(kOp, "bias", bias, 4);
  const bool fits = (bias.dim(0) == n || bias.dim(0) == 1) && (bias.dim(1) == heads || bias.dim(1) == 1) &&
                    bias.dim(2) == tq && bias.dim(3) == tk;
  if (!fits) {
    bad_argument(kOp, fmt::format("bias has shape {}, not [{} or 1, {} or 1, {}, {}]",
                                  to_string(bias.shape()), n, heads, tq, tk));
  }
}

void check_tokens(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads) {
  check_f32(kOp, "q", q, 3);
  check_f32(kOp, "k", k, 3);
  check_f32(kOp, "v", v, 3);
  if (k.dim(0) != q.dim(0) || v.dim(0) != q.dim(0)) {
    bad_argument(kOp, fmt::format("q, k, v hold {}, {}, {} batches", q.dim(0), k.dim(0), v.dim(0)));
  }
  if (k.dim(1) != v.dim(1)) bad_argument(kOp, fmt::format("{} keys, {} values", k.dim(1), v.dim(1)));
  if (heads < 1 || q.dim(2) % heads != 0 || v.dim(2) % heads != 0) {
    bad_argument(kOp, fmt::format("{} heads do not divide widths {} and {}", heads, q.dim(2), v.dim(2)));
  }
  if (k.dim(2) != q.dim(2)) bad_argument(kOp, fmt::format("q is {} wide, k {}", q.dim(2), k.dim(2)));
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  check_tokens(q, k, v, options.heads);
  const std::int64_t n = q.dim(0), tq = q.dim(1), tk = k.dim(1);
  AttentionOptions resolved = options;
  if (options.scale == 0) {
    const auto head_dim = static_cast<double>(q.dim(2) / options.heads);
    resolved.scale = static_cast<float>(1 / std::sqrt(head_dim));
  }
  Tensor bias;
  if (options.bias) {
    check_bias(*options.bias, n, options.heads, tq, tk);
    bias = dense_rows(*options.bias);
    resolved.bias = &bias;
  }
  Tensor y = Tensor::empty(q.device(), DType::kF32, {n, tq, v.dim(2)});
  if (y.count() == 0) return y;
  require(q.device().backend().attention, kOp, q.device())(dense_rows(q), dense_rows(k), dense_rows(v),
                                                           resolved, y);
  q.device().count_flops(2.0 * static_cast<double>(n * tq * tk) * static_cast<double>(q.dim(2) + v.dim(2)));
  return y;
}

}  // namespace dq::ops
