#include "ops/linear.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"

namespace dq::ops {
namespace {

// x as linear layers take it: [..., K], f32, the last dimension contiguous.
void check_input(const char* op, const Tensor& x, const PackedWeight& weight) {
  check_f32(op, "x", x);
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

}  // namespace

Tensor linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options) {
  constexpr const char* op = "linear";
  check_input(op, x, weight);
  const Shape shape = output_shape(x, weight.out_channels);
  if (options.bias) check_vector(op, "bias", *options.bias, weight.out_channels);
  if (options.residual) {
    check_dense(op, "residual", *options.residual);
    if (options.residual->shape() != shape) {
      bad_argument(op, fmt::format("residual has shape {}, the result {}",
                                   to_string(options.residual->shape()), to_string(shape)));
    }
  }
  Tensor y = Tensor::empty(x.device(), DType::kF32, shape);
  require(x.device().backend().linear, op, x.device())(x, weight, options, y);
  x.device().count_flops(2.0 * static_cast<double>(x.count()) * static_cast<double>(weight.out_channels));
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
  Tensor y = Tensor::empty(x.device(), DType::kF32, output_shape(x, weight.out_channels / 2));
  require(x.device().backend().linear_geglu, op, x.device())(x, weight, bias, y);
  x.device().count_flops(2.0 * static_cast<double>(x.count()) * static_cast<double>(weight.out_channels));
  return y;
}

}  // namespace dq::ops
