#include "ops/linear.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

// x as linear layers take it: [..., K], f32, the last dimension contiguous.
void check_input(const char* op, const Tensor& x, const PackedWeight& weight) {
  check_real(op, "x", x);
  if (!weight.defined()) bad_argument(op, "the weight is not there");
  if (weight.kernel_h != 1 || weight.kernel_w != 1) {
    bad_argument(op, fmt::format("the weight has a {}×{} kernel, not 1×1", weight.kernel_h, weight.kernel_w));
  }
  if (x.rank() == 0 || x.dim(-1) != weight.in_channels) {
    bad_argument(op, fmt::format("x has shape {}, the weight takes {} channels", to_string(x.shape()),
                                 weight.in_channels));
  }
  if (x.dim(-1) != 1 && x.strides().back() != 1) bad_argument(op, "the channels of x are not contiguous");
}

Shape output_shape(const Tensor& x, std::int64_t channels) {
  Shape shape = x.shape();
  shape.back() = channels;
  return shape;
}

Tensor as_matrix(const Tensor& x) {
  return contiguous(x).reshape({-1, x.dim(-1)});
}

Tensor turned(const Tensor& matrix) {
  return contiguous(matrix.permute({1, 0}));
}

// Σ_m a[m, i]·b[m, j]
Tensor summed_products(const Tensor& a, const Tensor& b, Precision compute) {
  const Tensor columns = b.permute({1, 0});
  return linear(turned(a), require(b.device().backend().pack_linear, "linear", b.device())(b.device(),
                                                                                           columns, compute));
}

// dW[n, k] = Σ_m dy[m, n]·x[m, k], in the shape of the weight it belongs to. One of the two is turned for it;
// of a narrow layer that is what comes out of it or goes in, whichever has fewer channels, and then maybe the
// result.
Tensor weight_gradient(const Tensor& dy, const Tensor& x, Precision compute, const Shape& shape) {
  const Tensor out = as_matrix(dy), in = as_matrix(x);
  const std::int64_t result = out.dim(1) * in.dim(1);
  const bool turns_input = in.count() + result < out.count();
  const Tensor dw =
      turns_input ? turned(summed_products(in, out, compute)) : summed_products(out, in, compute);
  return dw.reshape(shape);
}

// dx = dy·W; dW = dyᵀ·x; the bias gets the sum over rows, the residual dy itself.
void record_linear(Tensor& y, const Tensor& x, const PackedWeight& weight, const LinearOptions& options) {
  if (!wants_gradient({&x, &weight.source, options.bias, options.residual})) return;
  record(y, {&x, &weight.source, options.bias, options.residual},
         [x = x.detached(), weight](const Tensor& dy, const Asked& to) {
           to.give_onto(0, [&](const Tensor* residual) {
             return linear(dy, weight.turned ? *weight.turned : pack_turned(weight), {.residual = residual});
           });
           if (to.asks(1)) to.give(1, weight_gradient(dy, x, weight.compute, weight.source.shape()));
           if (to.asks(2)) to.give(2, sum_rows(as_matrix(dy)));
           if (to.asks(3)) to.give(3, dy);
         });
}

}  // namespace

Tensor linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options) {
  constexpr const char* op = "linear";
  check_input(op, x, weight);
  const Shape shape = output_shape(x, weight.out_channels);
  if (options.act != Activation::kNone &&
      wants_gradient({&x, &weight.source, options.bias, options.residual})) {
    const Tensor y = activate(linear(x, weight, {.bias = options.bias}), options.act);
    return options.residual ? add(y, *options.residual) : y;
  }
  if (options.bias) check_vector(op, "bias", *options.bias, weight.out_channels);
  if (options.residual) {
    check_dense(op, "residual", *options.residual);
    if (options.residual->shape() != shape) {
      bad_argument(op, fmt::format("residual has shape {}, the result {}",
                                   to_string(options.residual->shape()), to_string(shape)));
    }
  }
  Tensor y = Tensor::empty(x.device(), x.dtype(), shape);
  require(x.device().backend().linear, op, x.device())(x, weight, options, y);
  x.device().count_flops(2.0 * static_cast<double>(x.count()) * static_cast<double>(weight.out_channels));
  record_linear(y, x, weight, options);
  return y;
}

Tensor linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias) {
  constexpr const char* op = "linear_geglu";
  check_input(op, x, weight);
  if (weight.out_channels % 2 != 0) {
    bad_argument(
        op, fmt::format("the weight has {} rows; values and gates need an even number", weight.out_channels));
  }
  if (bias) check_vector(op, "bias", *bias, weight.out_channels);
  if (wants_gradient({&x, &weight.source, bias})) return geglu(linear(x, weight, {.bias = bias}));
  Tensor y = Tensor::empty(x.device(), x.dtype(), output_shape(x, weight.out_channels / 2));
  require(x.device().backend().linear_geglu, op, x.device())(x, weight, bias, y);
  x.device().count_flops(2.0 * static_cast<double>(x.count()) * static_cast<double>(weight.out_channels));
  return y;
}

}  // namespace dq::ops
