#include "ops/conv2d.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/first_run.h"
#include "ops/gradient.h"
#include "ops/upsample.h"

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

// dy with stride − 1 zeros after each pixel, so that the way back is a convolution of stride 1.
Tensor spread(const Tensor& dy, std::int64_t stride) {
  if (stride == 1) return dy;
  const std::int64_t n = dy.dim(0), h = dy.dim(1), w = dy.dim(2), c = dy.dim(3);
  Tensor out = Tensor::zeros(dy.device(), dy.dtype(), {n, h, stride, w, stride, c});
  Tensor places = out.slice(2, 0, 1).slice(4, 0, 1);
  require(dy.device().backend().copy, kOp, dy.device())(dy.reshape({n, h, 1, w, 1, c}), places);
  return out.reshape({n, h * stride, w * stride, c});
}

// dx: dy, spread, convolved with the turned kernel. What no output pixel ever saw on the right and below is
// cut off or filled with zeros by the padding there.
Tensor input_gradient(const Tensor& dy, const PackedWeight& weight, const Conv2dOptions& o,
                      const Shape& shape) {
  Tensor wide = spread(dy, o.stride);
  Conv2dOptions back;
  back.pad_top = weight.kernel_h - 1 - o.pad_top;
  back.pad_left = weight.kernel_w - 1 - o.pad_left;
  if (back.pad_top < 0 || back.pad_left < 0) {
    bad_argument(kOp, "no gradient where the padding is wider than the kernel reaches");
  }
  const std::int64_t below = shape[1] + weight.kernel_h - 1 - back.pad_top - wide.dim(1);
  const std::int64_t right = shape[2] + weight.kernel_w - 1 - back.pad_left - wide.dim(2);
  if (below < 0) wide = wide.slice(1, 0, wide.dim(1) + below);
  if (right < 0) wide = wide.slice(2, 0, wide.dim(2) + right);
  back.pad_bottom = static_cast<int>(std::max<std::int64_t>(below, 0));
  back.pad_right = static_cast<int>(std::max<std::int64_t>(right, 0));
  return conv2d(contiguous(wide), weight.turned ? *weight.turned : pack_turned(weight), back);
}

Tensor weight_gradient(const Tensor& x, const Tensor& dy, const PackedWeight& weight,
                       const Conv2dOptions& options) {
  const Shape& shape = weight.source.shape();
  Tensor dw = Tensor::empty(x.device(), x.dtype(), {shape[0], shape[1], weight.kernel_h, weight.kernel_w});
  require(x.device().backend().conv2d_weight_gradient, kOp, x.device())(x, dy, options, weight.compute, dw);
  x.device().count_flops(2.0 * static_cast<double>(dw.count()) * static_cast<double>(dy.count() / dy.dim(3)));
  return dw.reshape(shape);
}

void record_conv2d(Tensor& y, const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options) {
  if (!wants_gradient({&x, &weight.source, options.bias, options.per_image, options.residual})) return;
  Conv2dOptions steps = options;
  steps.bias = steps.per_image = steps.residual = nullptr;
  record(y, {&x, &weight.source, options.bias, options.per_image, options.residual},
         [x = x.detached(), weight, steps](const Tensor& dy, const Asked& to) {
           const std::int64_t pixels = dy.dim(1) * dy.dim(2), channels = dy.dim(3);
           if (to.asks(0)) to.give(0, input_gradient(dy, weight, steps, x.shape()));
           if (to.asks(1)) to.give(1, weight_gradient(x, dy, weight, steps));
           if (to.asks(2)) to.give(2, sum_rows(dy.reshape({dy.dim(0) * pixels, channels})));
           if (to.asks(3)) to.give(3, sum_rows(dy.reshape({dy.dim(0), pixels, channels})));
           if (to.asks(4)) to.give(4, dy);
         });
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
  if (options.upsample_input &&
      wants_gradient({&x, &weight.source, options.bias, options.per_image, options.residual})) {
    Conv2dOptions plain = options;
    plain.upsample_input = false;
    return conv2d(upsample_nearest(x, 2 * x.dim(1), 2 * x.dim(2)), weight, plain);
  }
  const std::int64_t numbers = element_count(shape);
  const double flops = 2.0 * static_cast<double>(numbers) *
                       static_cast<double>(weight.in_channels * weight.kernel_h * weight.kernel_w);
  Tensor y = made_once(x.device(), flops, numbers, 1, [&]() -> std::vector<Tensor> {
    Tensor made = Tensor::empty(x.device(), x.dtype(), shape);
    require(x.device().backend().conv2d, kOp, x.device())(x, weight, options, made);
    x.device().count_flops(flops);
    return {made};
  })[0];
  record_conv2d(y, x, weight, options);
  return y;
}

}  // namespace dq::ops
