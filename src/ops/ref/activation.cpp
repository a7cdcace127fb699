#include <cmath>
#include <numbers>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// x·sigmoid(a·x); the limit 0 at −inf is left to IEEE arithmetic (−inf·0 is NaN, as in PyTorch).
double sigmoid_gate(double x, double a) {
  return x / (1 + std::exp(-a * x));
}

double sigmoid_gate_slope(double x, double a) {
  const double s = 1 / (1 + std::exp(-a * x));
  return s + a * x * s * (1 - s);
}

}  // namespace

double apply(Activation act, double x) {
  switch (act) {
    case Activation::kNone:
      return x;
    case Activation::kSilu:
      return sigmoid_gate(x, 1);
    case Activation::kGelu:
      return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
    case Activation::kGeluTanh:
      // ½(1 + tanh u) = sigmoid(2u), which keeps its digits far to the left.
      return x / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kQuickGelu:
      return sigmoid_gate(x, 1.702);
  }
  return x;
}

// d/dx of the same formulas.
double slope(Activation act, double x) {
  switch (act) {
    case Activation::kNone:
      return 1;
    case Activation::kSilu:
      return sigmoid_gate_slope(x, 1);
    case Activation::kGelu:
      return 0.5 * std::erfc(-x / std::numbers::sqrt2) +
             x * std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    case Activation::kGeluTanh: {
      const double a = 2 * std::sqrt(2 / std::numbers::pi);
      const double s = 1 / (1 + std::exp(-a * (x + 0.044715 * x * x * x)));
      return s + x * s * (1 - s) * a * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::kQuickGelu:
      return sigmoid_gate_slope(x, 1.702);
  }
  return 1;
}

void activate(const Tensor& x, Activation act, Tensor& y) {
  const Numbers from(x);
  Results to(y);
  for (std::int64_t i = 0; i < x.count(); ++i) to.set(i, apply(act, from[i]));
}

void activate_gradient(const Tensor& x, Activation act, const Tensor& dy, Tensor& dx) {
  const Numbers from(x), slopes(dy);
  Results to(dx);
  for (std::int64_t i = 0; i < x.count(); ++i) to.set(i, slopes[i] * slope(act, from[i]));
}

void geglu(const Tensor& x, Tensor& y) {
  const Numbers from(x);
  Results to(y);
  const std::int64_t n = y.dim(-1);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t value = i / n * 2 * n + i % n;
    to.set(i, from[value] * apply(Activation::kGelu, from[value + n]));
  }
}

void geglu_gradient(const Tensor& x, const Tensor& dy, Tensor& dx) {
  const Numbers from(x), slopes(dy);
  Results to(dx);
  const std::int64_t n = dy.dim(-1);
  for (std::int64_t i = 0; i < dy.count(); ++i) {
    const std::int64_t value = i / n * 2 * n + i % n, gate = value + n;
    to.set(value, slopes[i] * apply(Activation::kGelu, from[gate]));
    to.set(gate, slopes[i] * from[value] * slope(Activation::kGelu, from[gate]));
  }
}

}  // namespace dq::ops::ref
