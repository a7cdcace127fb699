#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/check.h"
#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// Gauss and Jordan's elimination of [a | 1], both n×n.
void eliminate(std::vector<double>& a, std::vector<double>& out, std::int64_t n) {
  for (std::int64_t column = 0; column < n; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < n; ++row) {
      if (std::abs(a[row * n + column]) > std::abs(a[pivot * n + column])) pivot = row;
    }
    const double factor = a[pivot * n + column];
    if (factor == 0) bad_argument("inverse", "a matrix has no inverse");
    for (std::int64_t i = 0; i < n; ++i) {
      std::swap(a[pivot * n + i], a[column * n + i]);
      std::swap(out[pivot * n + i], out[column * n + i]);
      a[column * n + i] /= factor;
      out[column * n + i] /= factor;
    }
    for (std::int64_t row = 0; row < n; ++row) {
      const double share = row == column ? 0 : a[row * n + column];
      if (share == 0) continue;
      for (std::int64_t i = 0; i < n; ++i) {
        a[row * n + i] -= share * a[column * n + i];
        out[row * n + i] -= share * out[column * n + i];
      }
    }
  }
}

}  // namespace

void inverse(const Tensor& x, Tensor& y) {
  const std::int64_t n = x.dim(1), area = n * n;
  const Numbers from(x);
  Results to(y);
  for (std::int64_t matrix = 0; matrix < x.dim(0); ++matrix) {
    std::vector<double> a(static_cast<std::size_t>(area)), out(static_cast<std::size_t>(area), 0.0);
    for (std::int64_t i = 0; i < area; ++i) a[static_cast<std::size_t>(i)] = from[matrix * area + i];
    for (std::int64_t i = 0; i < n; ++i) out[static_cast<std::size_t>(i * n + i)] = 1;
    eliminate(a, out, n);
    for (std::int64_t i = 0; i < area; ++i) to.set(matrix * area + i, out[static_cast<std::size_t>(i)]);
  }
}

}  // namespace dq::ops::ref
