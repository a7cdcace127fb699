#include "weights/lora.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace dq::weights {

Lora::Lora(Tensor down, Tensor up, double alpha, double strength)
    : down_(std::move(down)), up_(std::move(up)), alpha_(alpha), strength_(strength) {
  if (down_.rank() < 2 || up_.rank() < 2 || up_.dim(1) != down_.dim(0)) {
    throw Error(ErrorCode::kBadFile, fmt::format("a LoRA's matrices {} and {} do not fit together",
                                                 to_string(down_.shape()), to_string(up_.shape())));
  }
}

Tensor Lora::side(const Tensor& x, const Tensor& y, const AdaptedLayer& layer) const {
  Device& device = x.device();
  const Precision precision = device.precision();
  const double scale = strength_ * alpha_ / static_cast<double>(rank());
  if (!layer.conv) {
    const auto matrix = [](const Tensor& t) { return t.rank() == 2 ? t : t.reshape({t.dim(0), t.dim(1)}); };
    const Tensor inner = ops::linear(x, ops::pack_linear(device, matrix(down_), precision));
    const Tensor scaled = ops::combine({{scale, &inner}});
    return ops::linear(scaled, ops::pack_linear(device, matrix(up_), precision), {.residual = &y});
  }
  ops::Conv2dOptions steps = *layer.conv;
  steps.bias = steps.per_image = steps.residual = nullptr;
  const auto kernel = [](const Tensor& t) {
    return t.rank() == 4 ? t : t.reshape({t.dim(0), t.dim(1), 1, 1});
  };
  const Tensor inner = ops::conv2d(x, ops::pack_conv2d(device, kernel(down_), precision), steps);
  const Tensor scaled = ops::combine({{scale, &inner}});
  return ops::conv2d(scaled, ops::pack_conv2d(device, kernel(up_), precision), {.residual = &y});
}

}  // namespace dq::weights
