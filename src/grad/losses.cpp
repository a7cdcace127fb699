#include "grad/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/elementwise.h"

namespace dq::grad {
namespace {

constexpr const char* kOp = "loss";

void check(const Tensor& prediction, const Tensor& target, const LossOptions& o) {
  ops::check_real(kOp, "the prediction", prediction);
  ops::check_real(kOp, "the target", target);
  if (prediction.rank() < 1 || prediction.count() == 0) ops::bad_argument(kOp, "there is no prediction");
  if (target.shape() != prediction.shape() || target.dtype() != prediction.dtype()) {
    ops::bad_argument(kOp, fmt::format("the target has shape {}, the prediction {}",
                                       to_string(target.shape()), to_string(prediction.shape())));
  }
  const auto samples = static_cast<std::size_t>(prediction.dim(0));
  if (!o.weights.empty() && o.weights.size() != samples) {
    ops::bad_argument(kOp, fmt::format("{} weights for {} samples", o.weights.size(), samples));
  }
  if (o.kind == LossKind::kMse) return;
  if (o.c.size() != 1 && o.c.size() != samples) {
    ops::bad_argument(kOp, fmt::format("{} values of c for {} samples", o.c.size(), samples));
  }
  for (const double c : o.c) {
    if (!(c > 0)) ops::bad_argument(kOp, fmt::format("c is {}, not positive", c));
  }
}

// The mask with the prediction's shape: a stride of 0 where it has one number for all.
Tensor spread(const Tensor& mask, const Tensor& prediction) {
  ops::check_real(kOp, "the mask", mask, prediction.rank());
  if (mask.dtype() != prediction.dtype()) ops::bad_argument(kOp, "the mask is not of the prediction's dtype");
  Shape strides = mask.strides();
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (mask.shape()[i] == prediction.shape()[i]) continue;
    if (mask.shape()[i] != 1) {
      ops::bad_argument(kOp, fmt::format("a mask of shape {} for a prediction of {}", to_string(mask.shape()),
                                         to_string(prediction.shape())));
    }
    strides[i] = 0;
  }
  const Tensor all =
      Tensor::wrap(mask.device(), mask.dtype(), prediction.shape(), strides, nullptr, mask.raw());
  return ops::contiguous(all);
}

struct Term {
  double value, slope;
};

// √(d² + c²) − c as d²/(√(d² + c²) + c), which keeps its digits near 0.
Term term(LossKind kind, double d, double c) {
  if (kind == LossKind::kMse) return {d * d, 2 * d};
  const double root = std::sqrt(d * d + c * c), factor = kind == LossKind::kHuber ? 2 * c : 2;
  return {factor * d * d / (root + c), factor * d / root};
}

template <class T>
LossAndGradient loss_as(const Tensor& prediction, const Tensor& target, const Tensor& mask,
                        const LossOptions& o) {
  LossAndGradient out{0, Tensor::empty(prediction.device(), prediction.dtype(), prediction.shape())};
  const std::int64_t each = prediction.count() / prediction.dim(0);
  const auto count = static_cast<double>(prediction.count());
  const T *x = prediction.data<T>(), *y = target.data<T>(), *m = mask.defined() ? mask.data<T>() : nullptr;
  for (std::int64_t i = 0; i < prediction.count(); ++i) {
    const auto sample = static_cast<std::size_t>(i / each);
    const double share =
        (o.weights.empty() ? 1 : o.weights[sample]) * (m ? static_cast<double>(m[i]) : 1) / count;
    const double c = o.kind == LossKind::kMse ? 1 : o.c[o.c.size() == 1 ? 0 : sample];
    const Term t = term(o.kind, static_cast<double>(x[i]) - static_cast<double>(y[i]), c);
    out.value += share * t.value;
    out.gradient.data<T>()[i] = static_cast<T>(share * t.slope);
  }
  return out;
}

}  // namespace

LossAndGradient loss(const Tensor& prediction, const Tensor& target, const LossOptions& options) {
  check(prediction, target, options);
  const Tensor mask = options.mask ? spread(options.mask->detached(), prediction) : Tensor();
  const Tensor x = ops::contiguous(prediction.detached()), y = ops::contiguous(target.detached());
  if (x.dtype() == DType::kF64) return loss_as<double>(x, y, mask, options);
  return loss_as<float>(x, y, mask, options);
}

namespace {

template <class T>
double cross_entropy_row(const T* x, std::int64_t count, std::int64_t wanted, double share, T* dx) {
  const double top = static_cast<double>(*std::max_element(x, x + count));
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += std::exp(static_cast<double>(x[k]) - top);
  for (std::int64_t k = 0; k < count; ++k) {
    const double p = std::exp(static_cast<double>(x[k]) - top) / sum;
    dx[k] = static_cast<T>(share * (p - (k == wanted ? 1 : 0)));
  }
  return share * (std::log(sum) + top - static_cast<double>(x[wanted]));
}

}  // namespace

LossAndGradient cross_entropy(const Tensor& logits, const std::vector<int>& classes) {
  constexpr const char* op = "cross_entropy";
  ops::check_real(op, "the logits", logits, 2);
  if (!logits.is_contiguous() || logits.count() == 0) ops::bad_argument(op, "the logits are not contiguous");
  const std::int64_t rows = logits.dim(0), count = logits.dim(1);
  if (static_cast<std::int64_t>(classes.size()) != rows)
    ops::bad_argument(op, fmt::format("{} classes for {} rows", classes.size(), rows));
  LossAndGradient out{0, Tensor::empty(logits.device(), logits.dtype(), logits.shape())};
  const double share = 1 / static_cast<double>(rows);
  for (std::int64_t n = 0; n < rows; ++n) {
    const int wanted = classes[static_cast<std::size_t>(n)];
    if (wanted < 0 || wanted >= count) ops::bad_argument(op, fmt::format("class {} of {}", wanted, count));
    out.value += logits.dtype() == DType::kF64
                     ? cross_entropy_row(logits.data<double>() + n * count, count, wanted, share,
                                         out.gradient.data<double>() + n * count)
                     : cross_entropy_row(logits.data<float>() + n * count, count, wanted, share,
                                         out.gradient.data<float>() + n * count);
  }
  return out;
}

}  // namespace dq::grad
