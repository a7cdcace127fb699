#include "weights/adapters/loha.h"

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::weights {

std::shared_ptr<const Adapter> Loha::read(const AdapterTensors& tensors, const Shape& layer,
                                          double strength) {
  if (tensors.contains("hada_t1") || tensors.contains("hada_t2"))
    throw Error(ErrorCode::kUnsupported, "LoHa of convolutions in Tucker's form is not read yet");
  auto out = std::make_shared<Loha>();
  out->w1_a_ = needed(tensors, "hada_w1_a");
  out->w1_b_ = needed(tensors, "hada_w1_b");
  out->w2_a_ = needed(tensors, "hada_w2_a");
  out->w2_b_ = needed(tensors, "hada_w2_b");
  const std::int64_t columns = element_count(layer) / layer[0];
  for (const auto& [a, b] : {std::pair{&out->w1_a_, &out->w1_b_}, std::pair{&out->w2_a_, &out->w2_b_}}) {
    const bool fits = a->rank() == 2 && b->rank() == 2 && a->dim(1) == b->dim(0) && a->dim(0) == layer[0] &&
                      b->dim(1) == columns;
    if (!fits) does_not_fit(to_string(a->shape()) + "·" + to_string(b->shape()), layer);
  }
  out->alpha_ = number(tensors, "alpha", static_cast<double>(out->w1_b_.dim(0)));
  out->strength_ = strength;
  return out;
}

std::shared_ptr<const Adapter> Loha::fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                           CounterRandom random) {
  auto out = std::make_shared<Loha>();
  const std::int64_t rows = layer[0], columns = element_count(layer) / rows;
  out->w1_a_ = normal_leaf(device, {rows, size.rank}, 0.1, CounterRandom{random.next(), 0});
  out->w1_b_ = normal_leaf(device, {size.rank, columns}, 1, CounterRandom{random.next(), 1});
  out->w2_a_ = zero_leaf(device, {rows, size.rank});
  out->w2_b_ = normal_leaf(device, {size.rank, columns}, 1, CounterRandom{random.next(), 2});
  out->alpha_ = size.alpha;
  return out;
}

Tensor Loha::changed(const Tensor& weight) const {
  const Tensor delta = ops::multiply(product(w1_a_, w1_b_), product(w2_a_, w2_b_)).reshape(weight.shape());
  return ops::combine({{1, &weight}, {strength_ * alpha_ / static_cast<double>(w1_b_.dim(0)), &delta}});
}

std::vector<AdapterPart> Loha::parts() const {
  return {{"alpha", Tensor::full(w1_a_.device(), {}, static_cast<float>(alpha_))},
          {"hada_w1_a", w1_a_},
          {"hada_w1_b", w1_b_},
          {"hada_w2_a", w2_a_},
          {"hada_w2_b", w2_b_}};
}

}  // namespace dq::weights
