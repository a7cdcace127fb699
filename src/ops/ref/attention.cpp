#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// One head of one batch: row i of a tensor starts `stride` floats after row i − 1.
struct Rows {
  const float* data;
  std::int64_t stride;
  const float* operator[](std::int64_t i) const { return data + i * stride; }
};

Rows rows_of(const Tensor& x, std::int64_t batch, std::int64_t first) {
  return {x.data<float>() + batch * x.strides()[0] + first, x.strides()[1]};
}

// The bias of one head as rows over keys; no data when there is none.
Rows bias_of(const Tensor* bias, std::int64_t batch, std::int64_t head) {
  if (!bias) return {nullptr, 0};
  const Shape& s = bias->strides();
  const std::int64_t start = (bias->dim(0) > 1 ? batch * s[0] : 0) + (bias->dim(1) > 1 ? head * s[1] : 0);
  return {bias->data<float>() + start, s[2]};
}

// softmax in place. A row of −inf only has no weights at all: it becomes zeros.
void softmax(std::vector<double>& row) {
  double most = -std::numeric_limits<double>::infinity();
  for (const double x : row) most = x > most ? x : most;
  if (std::isinf(most) && most < 0) most = 0;
  double sum = 0;
  for (double& x : row) sum += x = std::exp(x - most);
  if (sum == 0) return;
  for (double& x : row) x /= sum;
}

}  // namespace

void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
               Tensor& y) {
  const std::int64_t heads = options.heads, head_dim = q.dim(2) / heads, value_dim = v.dim(2) / heads;
  for (std::int64_t batch = 0; batch < q.dim(0); ++batch) {
    for (std::int64_t head = 0; head < heads; ++head) {
      const Rows queries = rows_of(q, batch, head * head_dim), keys = rows_of(k, batch, head * head_dim);
      const Rows values = rows_of(v, batch, head * value_dim), bias = bias_of(options.bias, batch, head);
      for (std::int64_t i = 0; i < q.dim(1); ++i) {
        const std::int64_t seen = options.causal ? std::min(i + 1, k.dim(1)) : k.dim(1);
        std::vector<double> weights(static_cast<std::size_t>(seen));
        for (std::int64_t j = 0; j < seen; ++j) {
          double dot = 0;
          for (std::int64_t d = 0; d < head_dim; ++d) dot += static_cast<double>(queries[i][d]) * keys[j][d];
          weights[static_cast<std::size_t>(j)] = dot * options.scale + (bias.data ? bias[i][j] : 0.0F);
        }
        softmax(weights);
        float* out = y.data<float>() + (batch * q.dim(1) + i) * v.dim(2) + head * value_dim;
        for (std::int64_t d = 0; d < value_dim; ++d) {
          double sum = 0;
          for (std::int64_t j = 0; j < seen; ++j) sum += weights[static_cast<std::size_t>(j)] * values[j][d];
          out[d] = static_cast<float>(sum);
        }
      }
    }
  }
}

}  // namespace dq::ops::ref
