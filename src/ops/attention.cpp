#include "ops/attention.h"

#include <fmt/format.h>

#include <cmath>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/first_run.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

constexpr const char* kOp = "attention";

// Kernels read rows of any stride, but the numbers of a row must be neighbours.
Tensor dense_rows(const Tensor& x) {
  return x.dim(-1) <= 1 || x.strides().back() == 1 ? x : contiguous(x);
}

void check_bias(const Tensor& bias, std::int64_t n, std::int64_t heads, std::int64_t tq, std::int64_t tk) {
  check_real(kOp, "bias", bias, 4);
  const bool fits = (bias.dim(0) == n || bias.dim(0) == 1) && (bias.dim(1) == heads || bias.dim(1) == 1) &&
                    bias.dim(2) == tq && bias.dim(3) == tk;
  if (!fits) {
    bad_argument(kOp, fmt::format("bias has shape {}, not [{} or 1, {} or 1, {}, {}]",
                                  to_string(bias.shape()), n, heads, tq, tk));
  }
}

void check_tokens(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads) {
  check_real(kOp, "q", q, 3);
  check_real(kOp, "k", k, 3);
  check_real(kOp, "v", v, 3);
  if (k.dim(0) != q.dim(0) || v.dim(0) != q.dim(0)) {
    bad_argument(kOp, fmt::format("q, k, v hold {}, {}, {} batches", q.dim(0), k.dim(0), v.dim(0)));
  }
  if (k.dim(1) != v.dim(1)) bad_argument(kOp, fmt::format("{} keys, {} values", k.dim(1), v.dim(1)));
  if (heads < 1 || q.dim(2) % heads != 0 || v.dim(2) % heads != 0) {
    bad_argument(kOp, fmt::format("{} heads do not divide widths {} and {}", heads, q.dim(2), v.dim(2)));
  }
  if (k.dim(2) != q.dim(2)) bad_argument(kOp, fmt::format("q is {} wide, k {}", q.dim(2), k.dim(2)));
}

// Keeps q, k, v and y, a few rows each, a number for each query, and none of the Tq×Tk weights: those are
// computed again, tile by tile (Dao et al. 2022).
void record_attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& log_sums,
                      const AttentionOptions& options) {
  if (options.bias) refuse_gradient("attention's bias", {options.bias});
  const Tensor bias = options.bias ? *options.bias : Tensor();
  record(y, {&q, &k, &v},
         [q = q.detached(), k = k.detached(), v = v.detached(), kept = y.detached(), log_sums, options, bias](
             const Tensor& dy, const Asked& to) {
           AttentionOptions resolved = options;
           resolved.bias = bias.defined() ? &bias : nullptr;
           Tensor dq = Tensor::empty(q.device(), q.dtype(), q.shape());
           Tensor dk = Tensor::empty(k.device(), k.dtype(), k.shape());
           Tensor dv = Tensor::empty(v.device(), v.dtype(), v.shape());
           require(q.device().backend().attention_gradient, kOp, q.device())({q, k, v, kept, log_sums}, dy,
                                                                             resolved, dq, dk, dv);
           q.device().count_flops(2.0 * static_cast<double>(q.dim(0) * q.dim(1) * k.dim(1)) *
                                  static_cast<double>(3 * q.dim(2) + 2 * v.dim(2)));
           to.give(0, dq);
           to.give(1, dk);
           to.give(2, dv);
         });
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
  Device& device = q.device();
  const Shape shape{n, tq, v.dim(2)};
  if (element_count(shape) == 0) return Tensor::empty(device, q.dtype(), shape);
  const Tensor queries = dense_rows(q), keys = dense_rows(k), values = dense_rows(v);
  const bool is_recorded = wants_gradient({&q, &k, &v, options.bias});
  const double flops = 2.0 * static_cast<double>(n * tq * tk) * static_cast<double>(q.dim(2) + v.dim(2));
  std::vector<Tensor> made = made_once(device, flops, element_count(shape), 2, [&] {
    const bool sums = is_recorded || device.first_run();
    std::vector<Tensor> out{Tensor::empty(device, q.dtype(), shape),
                            sums ? Tensor::empty(device, q.dtype(), {n, options.heads, tq}) : Tensor()};
    require(device.backend().attention, kOp, device)(queries, keys, values, resolved, out[0],
                                                     sums ? &out[1] : nullptr);
    device.count_flops(flops);
    return out;
  });
  if (is_recorded) record_attention(made[0], queries, keys, values, made[1], resolved);
  return made[0];
}

}  // namespace dq::ops
