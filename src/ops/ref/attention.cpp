#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// One head of one batch: row i of a tensor starts `stride` numbers after row i − 1.
struct Rows {
  Numbers data;
  std::int64_t start, stride;
  double at(std::int64_t row, std::int64_t i) const { return data[start + row * stride + i]; }
};

Rows rows_of(const Tensor& x, std::int64_t batch, std::int64_t first) {
  return {Numbers(x), batch * x.strides()[0] + first, x.strides()[1]};
}

// The bias between a query and a key, 0 when there is none.
double bias_at(const Tensor* bias, std::int64_t batch, std::int64_t head, std::int64_t i, std::int64_t j) {
  if (!bias) return 0;
  const Shape& s = bias->strides();
  const std::int64_t start = (bias->dim(0) > 1 ? batch * s[0] : 0) + (bias->dim(1) > 1 ? head * s[1] : 0);
  return Numbers(*bias)[start + i * s[2] + j];
}

// softmax in place; returns log2 of the sum of e^logit. A row of −inf only has no weights at all: it becomes
// zeros, and the logarithm is +∞.
double softmax(std::vector<double>& row) {
  double most = -std::numeric_limits<double>::infinity();
  for (const double x : row) most = x > most ? x : most;
  if (std::isinf(most) && most < 0) most = 0;
  double sum = 0;
  for (double& x : row) sum += x = std::exp(x - most);
  if (sum == 0) return std::numeric_limits<double>::infinity();
  for (double& x : row) x /= sum;
  return (most + std::log(sum)) * std::numbers::log2e;
}

// One head of one batch, and the weights its queries give to its keys.
struct Head {
  const AttentionOptions& options;
  std::int64_t batch, head, head_dim, value_dim, keys;
  Rows q, k, v;

  Head(const Tensor& queries, const Tensor& ks, const Tensor& vs, const AttentionOptions& o, std::int64_t n)
      : options(o),
        batch(n / o.heads),
        head(n % o.heads),
        head_dim(queries.dim(2) / o.heads),
        value_dim(vs.dim(2) / o.heads),
        keys(ks.dim(1)),
        q(rows_of(queries, batch, head * head_dim)),
        k(rows_of(ks, batch, head * head_dim)),
        v(rows_of(vs, batch, head * value_dim)) {}

  // Of query i, over the keys it sees.
  struct Weights {
    std::vector<double> of_keys;
    double log_sum = 0;
  };
  Weights weights(std::int64_t i) const {
    const std::int64_t seen = options.causal ? std::min(i + 1, keys) : keys;
    std::vector<double> out(static_cast<std::size_t>(seen));
    for (std::int64_t j = 0; j < seen; ++j) {
      double dot = 0;
      for (std::int64_t d = 0; d < head_dim; ++d) dot += q.at(i, d) * k.at(j, d);
      out[static_cast<std::size_t>(j)] = dot * options.scale + bias_at(options.bias, batch, head, i, j);
    }
    const double log_sum = softmax(out);
    return {std::move(out), log_sum};
  }
};

void add(Tensor& to, std::int64_t at, double v) {
  Results(to).set(at, Numbers(to)[at] + v);
}

}  // namespace

void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options, Tensor& y,
               Tensor* log_sums) {
  Results to(y);
  for (std::int64_t n = 0; n < q.dim(0) * options.heads; ++n) {
    const Head h(q, k, v, options, n);
    for (std::int64_t i = 0; i < q.dim(1); ++i) {
      const auto [weights, log_sum] = h.weights(i);
      if (log_sums) Results(*log_sums).set(n * q.dim(1) + i, log_sum);
      const std::int64_t out = (h.batch * q.dim(1) + i) * v.dim(2) + h.head * h.value_dim;
      for (std::int64_t d = 0; d < h.value_dim; ++d) {
        double sum = 0;
        for (std::size_t j = 0; j < weights.size(); ++j)
          sum += weights[j] * h.v.at(static_cast<std::int64_t>(j), d);
        to.set(out + d, sum);
      }
    }
  }
}

// With p the weights of a query: dv_j = Σ_i p_ij·dy_i, dp_ij = dy_i·v_j, ds = p·(dp − Σ_j p·dp),
// dq_i = scale·Σ_j ds_ij·k_j, dk_j = scale·Σ_i ds_ij·q_i. Sums in double; those over queries go through
// tensors of the results' type.
void attention_gradient(const AttentionSaved& saved, const Tensor& dy, const AttentionOptions& options,
                        Tensor& dq, Tensor& dk, Tensor& dv) {
  const std::int64_t queries = dq.dim(1), keys = dk.dim(1), width = dq.dim(2), values = dv.dim(2);
  const Numbers slopes(dy);
  for (Tensor* to : {&dq, &dk, &dv}) {
    for (std::int64_t i = 0; i < to->count(); ++i) Results(*to).set(i, 0);
  }
  for (std::int64_t n = 0; n < dq.dim(0) * options.heads; ++n) {
    const Head h(saved.q, saved.k, saved.v, options, n);
    for (std::int64_t i = 0; i < queries; ++i) {
      const std::vector<double> p = h.weights(i).of_keys;
      const std::int64_t out = (h.batch * queries + i) * values + h.head * h.value_dim;
      std::vector<double> dp(p.size());
      double mean = 0;
      for (std::size_t j = 0; j < p.size(); ++j) {
        const auto key = static_cast<std::int64_t>(j);
        for (std::int64_t d = 0; d < h.value_dim; ++d) {
          dp[j] += slopes[out + d] * h.v.at(key, d);
          add(dv, (h.batch * keys + key) * values + h.head * h.value_dim + d, p[j] * slopes[out + d]);
        }
        mean += p[j] * dp[j];
      }
      for (std::size_t j = 0; j < p.size(); ++j) {
        const auto key = static_cast<std::int64_t>(j);
        const double ds = p[j] * (dp[j] - mean) * options.scale;
        for (std::int64_t d = 0; d < h.head_dim; ++d) {
          const std::int64_t at = h.head * h.head_dim + d;
          add(dq, (h.batch * queries + i) * width + at, ds * h.k.at(key, d));
          add(dk, (h.batch * keys + key) * width + at, ds * h.q.at(i, d));
        }
      }
    }
  }
}

}  // namespace dq::ops::ref
