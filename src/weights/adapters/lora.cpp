#include "weights/adapters/lora.h"

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

std::shared_ptr<const Adapter> Lora::read(const AdapterTensors& tensors, const Shape& layer,
                                          double strength) {
  const Tensor &down = needed(tensors, "lora_down.weight"), &up = needed(tensors, "lora_up.weight");
  bool fits = down.rank() >= 2 && up.rank() >= 2 && down.dim(1) == layer[1] && up.dim(0) == layer[0] &&
              up.dim(1) == down.dim(0) && up.count() == up.dim(0) * up.dim(1);
  if (fits && layer.size() == 4)
    fits = down.rank() == 4 && down.dim(2) == layer[2] && down.dim(3) == layer[3];
  if (fits && layer.size() == 2) fits = down.count() == down.dim(0) * down.dim(1);
  if (!fits) does_not_fit(to_string(down.shape()) + " and " + to_string(up.shape()), layer);
  const double alpha = number(tensors, "alpha", static_cast<double>(down.dim(0)));
  return std::make_shared<const Lora>(down, up, alpha, strength);
}

std::shared_ptr<const Adapter> Lora::fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                           CounterRandom random) {
  // As many axes as the base has; a k×k convolution comes first.
  Shape down = layer, up = layer;
  down[0] = up[1] = size.rank;
  for (std::size_t axis = 2; axis < up.size(); ++axis) up[axis] = 1;
  return std::make_shared<const Lora>(uniform_leaf(device, down, random), zero_leaf(device, up), size.alpha);
}

ops::LowRank Lora::low_rank() const {
  const Tensor up = as_matrix(up_);
  return {as_matrix(down_), scale() == 1 ? up : ops::combine({{scale(), &up}})};
}

Tensor Lora::side(const Tensor& x, const Tensor& y, const ops::Conv2dOptions& layer) const {
  Device& device = x.device();
  const Precision precision = device.precision();
  ops::Conv2dOptions steps = layer;
  steps.bias = steps.per_image = steps.residual = nullptr;
  const auto kernel = [](const Tensor& t) {
    return t.rank() == 4 ? t : t.reshape({t.dim(0), t.dim(1), 1, 1});
  };
  const Tensor inner = ops::conv2d(x, ops::pack_conv2d(device, kernel(down_), precision), steps);
  const Tensor scaled = ops::combine({{scale(), &inner}});
  return ops::conv2d(scaled, ops::pack_conv2d(device, kernel(up_), precision), {.residual = &y});
}

Tensor Lora::changed(const Tensor& weight) const {
  const Tensor delta = product(as_matrix(up_), as_matrix(down_)).reshape(weight.shape());
  return ops::combine({{1, &weight}, {scale(), &delta}});
}

std::vector<AdapterPart> Lora::parts() const {
  return {{"alpha", Tensor::full(down_.device(), {}, static_cast<float>(alpha_))},
          {"lora_down.weight", down_},
          {"lora_up.weight", up_}};
}

}  // namespace dq::weights
