#include <cmath>
#include <numbers>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// x·sigmoid(a·x); the limit 0 at −inf is left to IEEE arithmetic (−inf·0 is NaN, as in PyTorch).
double sigmoid_gate(double x, double a) {
  return x / (1 + std::exp(-a * x));
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

void activate(const Tensor& x, Activation act, Tensor& y) {
  for (std::int64_t i = 0; i < x.count(); ++i) {
    y.data<float>()[i] = static_cast<float>(apply(act, x.data<float>()[i]));
  }
}

}  // namespace dq::ops::ref
