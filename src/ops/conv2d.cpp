#include "ops/conv2d.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"

namespace dq::ops {
namespace {

constexpr const char* kOp = "conv2d";

// (size·scale + before + after − kernel)/stride + 1, or an error when the kernel does not fit.
std::int64_t output_size(const char* axis, std::int64_t size, int before, int after, int kernel, int stride) {
  const std::int64_t padded = size + before + after;
  if (padded < kernel) {
    bad_argument(kOp,
                 fmt::format("a kernel of {} does not fit into a padded {} of {}", kernel, axis, padded));
  }
  return (padded - kernel) / stride + 1;
}

Shape output_shape(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& o) {
  if (o.stride < 1) bad_argument(kOp, fmt::format("a stride of {}", o.stride));
  if (o.pad_top < 0 || o.pad_left < 0 || o.pad_bottom < 0 || o.pad_right < 0) {
    bad_argument(kOp, "negative padding");
  }
  const std::int64_t scale = o.upsample_input ? 2 : 1;
  return {x.dim(0),
          output_size("height", x.dim(1) * scale, o.pad_top, o.pad_bottom, weight.kernel_h, o.stride),
          output_size("width", x.dim(2) * scale, o.pad_left, o.pad_right, weight.kernel_w, o.stride),
          weight.out_channels};
}

}  // namespace

Tensor conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options) {
  check_dense(kOp, "x", x, 4);
  if (!weight.defined()) bad_argument(kOp, "the weight is not there");
  if (x.dim(3) != weight.in_channels) {
    bad_argument(kOp, fmt::format("x has shape {}, the weight takes {} channels", to_string(x.shape()),
                                  weight.in_channels));
  }
  const Shape shape = output_shape(x, weight, options);
  if (options.bias) check_vector(kOp, "bias", *options.bias, weight.out_channels);
  if (options.per_image) {
    check_dense(kOp, "per_image", *options.per_image, 2);
    if (options.per_image->shape() != Shape{shape[0], shape[3]}) {
      bad_argument(kOp, fmt::format("per_image has shape {}, not {}", to_string(options.per_image->shape()),
                                    to_string(Shape{shape[0], shape[3]})));
    }
  }
  if (options.residual) {
    check_dense(kOp, "residual", *options.residual, 4);
    if (options.residual->shape() != shape) {
      bad_argument(kOp, fmt::format("residual has shape {}, the result {}",
                                    to_string(options.residual->shape()), to_string(shape)));
    }
  }
  Tensor y = Tensor::empty(x.device(), DType::kF32, shape);
  require(x.device().backend().conv2d, kOp, x.device())(x, weight, options, y);
  x.device().count_flops(2.0 * static_cast<double>(y.count()) *
                         static_cast<double>(weight.in_channels * weight.kernel_h * weight.kernel_w));
  return y;
}

}  // namespace dq::ops
