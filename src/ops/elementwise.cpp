#include "ops/elementwise.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

void copy_into(const Tensor& x, Tensor& y, const char* op) {
  if (y.count() > 0) require(x.device().backend().copy, op, x.device())(x, y);
}

void record_concat(Tensor& y, std::span<const Tensor> parts, int axis) {
  std::vector<const Tensor*> inputs;
  std::vector<std::int64_t> sizes;
  for (const Tensor& part : parts) {
    inputs.push_back(&part);
    sizes.push_back(part.dim(axis));
  }
  record(y, inputs, [sizes, axis](const Tensor& dy, const Asked& to) {
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < sizes.size(); begin += sizes[i], ++i) {
      if (to.asks(i)) to.give(i, dy.slice(axis, begin, begin + sizes[i]));
    }
  });
}

void record_combine(Tensor& y, std::span<const Term> terms) {
  std::vector<const Tensor*> inputs;
  std::vector<double> factors;
  for (const Term& term : terms) {
    inputs.push_back(term.x);
    factors.push_back(term.factor);
  }
  record(y, inputs, [factors](const Tensor& dy, const Asked& to) {
    for (std::size_t i = 0; i < factors.size(); ++i) {
      if (to.asks(i)) to.give(i, factors[i] == 1 ? dy : combine({{factors[i], &dy}}));
    }
  });
}

}  // namespace

Tensor combine(std::span<const Term> terms) {
  constexpr const char* op = "combine";
  if (terms.empty()) bad_argument(op, "there are no terms");
  for (const Term& term : terms) {
    if (!term.x) bad_argument(op, "a term is not there");
    check_dense(op, "a term", *term.x);
    if (term.x->shape() != terms[0].x->shape()) {
      bad_argument(
          op, fmt::format("shapes {} and {}", to_string(terms[0].x->shape()), to_string(term.x->shape())));
    }
  }
  const Tensor& first = *terms[0].x;
  Tensor y = Tensor::empty(first.device(), first.dtype(), first.shape());
  if (y.count() > 0) require(first.device().backend().combine, op, first.device())(terms, y);
  record_combine(y, terms);
  return y;
}

Tensor combine(std::initializer_list<Term> terms) {
  return combine(std::span(terms.begin(), terms.size()));
}

Tensor add(const Tensor& a, const Tensor& b) {
  return combine({{1.0, &a}, {1.0, &b}});
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  constexpr const char* op = "multiply";
  check_dense(op, "a", a);
  check_dense(op, "b", b);
  if (a.shape() != b.shape()) {
    bad_argument(op, fmt::format("shapes {} and {}", to_string(a.shape()), to_string(b.shape())));
  }
  Tensor y = Tensor::empty(a.device(), a.dtype(), a.shape());
  if (y.count() > 0) require(a.device().backend().multiply, op, a.device())(a, b, y);
  record(y, {&a, &b}, [a = a.detached(), b = b.detached()](const Tensor& dy, const Asked& to) {
    if (to.asks(0)) to.give(0, multiply(dy, b));
    if (to.asks(1)) to.give(1, multiply(dy, a));
  });
  return y;
}

Tensor sum_rows(const Tensor& x) {
  constexpr const char* op = "sum_rows";
  check_dense(op, "x", x);
  if (x.rank() != 2 && x.rank() != 3) bad_argument(op, fmt::format("x has shape {}", to_string(x.shape())));
  refuse_gradient(op, {&x});
  const Tensor blocks = x.rank() == 3 ? x : x.reshape({1, x.dim(0), x.dim(1)});
  Tensor y = Tensor::zeros(x.device(), x.dtype(), {blocks.dim(0), blocks.dim(2)});
  if (x.count() > 0) require(x.device().backend().sum_rows, op, x.device())(blocks, y);
  return x.rank() == 3 ? y : y.reshape({x.dim(1)});
}

Tensor blend(const Tensor& x, const Tensor& y, const Tensor& mask) {
  constexpr const char* op = "blend";
  check_dense(op, "x", x, 4);
  check_dense(op, "y", y, 4);
  check_dense(op, "mask", mask, 4);
  if (x.shape() != y.shape()) {
    bad_argument(op, fmt::format("shapes {} and {}", to_string(x.shape()), to_string(y.shape())));
  }
  const bool fits = (mask.dim(0) == x.dim(0) || mask.dim(0) == 1) && mask.dim(1) == 1 &&
                    mask.dim(2) == x.dim(2) && mask.dim(3) == x.dim(3);
  if (!fits) {
    bad_argument(op, fmt::format("a mask of shape {} for images of shape {}", to_string(mask.shape()),
                                 to_string(x.shape())));
  }
  refuse_gradient(op, {&x, &y, &mask});
  Tensor out = Tensor::empty(x.device(), x.dtype(), x.shape());
  if (out.count() > 0) require(x.device().backend().blend, op, x.device())(x, y, mask, out);
  return out;
}

Tensor contiguous(const Tensor& x) {
  return x.is_contiguous() ? x : copied(x);
}

Tensor copied(const Tensor& x) {
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  copy_into(x, y, "copied");
  record(y, {&x}, [](const Tensor& dy, const Asked& to) { to.give(0, dy); });
  return y;
}

Tensor convert(const Tensor& x, DType dtype) {
  if (dtype == x.dtype()) return contiguous(x);
  const bool known = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
                     (dtype == DType::kF64 && x.device().backend().takes_f64);
  if (!known) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("convert: from {} to {}", to_string(x.dtype()), to_string(dtype)))
        .hint("Tensors become F32, F16 or BF16.");
  }
  Tensor y = Tensor::empty(x.device(), dtype, x.shape());
  copy_into(x, y, "convert");
  record(y, {&x}, [from = x.dtype()](const Tensor& dy, const Asked& to) { to.give(0, convert(dy, from)); });
  return y;
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  constexpr const char* op = "concat";
  if (parts.empty()) bad_argument(op, "there are no parts");
  const Tensor& first = parts[0];
  const int a = axis < 0 ? axis + first.rank() : axis;
  if (a < 0 || a >= first.rank())
    bad_argument(op, fmt::format("axis {} of {}", axis, to_string(first.shape())));
  Shape shape = first.shape();
  std::int64_t& joined = shape[static_cast<std::size_t>(a)];
  joined = 0;
  for (const Tensor& part : parts) {
    Shape other = part.shape();
    if (part.rank() == first.rank()) other[static_cast<std::size_t>(a)] = first.dim(a);
    if (other != first.shape() || part.dtype() != first.dtype()) {
      bad_argument(
          op, fmt::format("{} {} and {} {} along axis {}", to_string(first.dtype()), to_string(first.shape()),
                          to_string(part.dtype()), to_string(part.shape()), a));
    }
    joined += part.dim(a);
  }
  Tensor y = Tensor::empty(first.device(), first.dtype(), shape);
  std::int64_t begin = 0;
  for (const Tensor& part : parts) {
    Tensor place = y.slice(a, begin, begin + part.dim(a));
    copy_into(part, place, op);
    begin += part.dim(a);
  }
  record_concat(y, parts, a);
  return y;
}

Tensor concat(std::initializer_list<Tensor> parts, int axis) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}

}  // namespace dq::ops
