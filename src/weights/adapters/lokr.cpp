#include "weights/adapters/lokr.h"

#include <algorithm>

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::weights {

Lokr::Factor Lokr::factor(const AdapterTensors& tensors, const std::string& name) {
  Factor out;
  if (const auto whole = tensors.find(name); whole != tensors.end()) {
    out.whole = whole->second;
    if (out.whole.rank() < 2) throw Error(ErrorCode::kBadFile, "an adapter's " + name + " is no matrix");
    return out;
  }
  out.a = needed(tensors, name + "_a");
  out.b = needed(tensors, name + "_b");
  if (out.a.rank() != 2 || out.b.rank() < 2 || out.a.dim(1) != out.b.dim(0)) {
    throw Error(ErrorCode::kBadFile, "an adapter's " + name + "_a and " + name + "_b do not fit together");
  }
  return out;
}

std::shared_ptr<const Adapter> Lokr::read(const AdapterTensors& tensors, const Shape& layer,
                                          double strength) {
  if (tensors.contains("lokr_t2"))
    throw Error(ErrorCode::kUnsupported, "LoKr of convolutions in Tucker's form is not read yet");
  auto out = std::make_shared<Lokr>();
  out->first_ = factor(tensors, "lokr_w1");
  out->second_ = factor(tensors, "lokr_w2");
  const auto columns = [](const Factor& f) {
    return f.whole.defined() ? f.whole.count() / f.whole.dim(0) : f.b.count() / f.b.dim(0);
  };
  const bool fits = out->first_.rows() * out->second_.rows() == layer[0] &&
                    layer[1] % columns(out->first_) == 0 &&
                    columns(out->first_) * columns(out->second_) == element_count(layer) / layer[0];
  if (!fits) does_not_fit("Kronecker product", layer);
  out->alpha_ = number(tensors, "alpha", 0);
  out->strength_ = strength;
  return out;
}

std::shared_ptr<const Adapter> Lokr::fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                           CounterRandom random) {
  auto out = std::make_shared<Lokr>();
  const auto [out1, out2] = factors_of(layer[0], -1);
  const auto [in1, in2] = factors_of(layer[1], -1);
  const std::int64_t kernel = element_count(layer) / layer[0] / layer[1];
  out->first_.whole = uniform_leaf(device, {out1, in1}, CounterRandom{random.next(), 0});
  out->alpha_ = size.alpha;
  if (2 * size.rank < std::max(out2, in2)) {
    out->second_.a = uniform_leaf(device, {out2, size.rank}, CounterRandom{random.next(), 1});
    out->second_.b = zero_leaf(device, {size.rank, in2 * kernel});
    return out;
  }
  Shape whole = layer;
  whole[0] = out2;
  whole[1] = in2;
  out->second_.whole = zero_leaf(device, whole);
  out->alpha_ = size.rank;  // that the scale is 1 in every reader
  return out;
}

double Lokr::scale() const {
  const Tensor& b = second_.b.defined() ? second_.b : first_.b;
  return !b.defined() || alpha_ == 0 ? 1 : alpha_ / static_cast<double>(b.dim(0));
}

Tensor Lokr::changed(const Tensor& weight) const {
  const Tensor first = first_.matrix(), second = second_.matrix();
  // Every number of one times every number of the other, then the four axes in their order.
  const Tensor all = product(first.reshape({-1, 1}), second.reshape({1, -1}));
  const Tensor four = all.reshape({first.dim(0), first.dim(1), second.dim(0), second.dim(1)});
  const Tensor delta = ops::contiguous(four.permute({0, 2, 1, 3})).reshape(weight.shape());
  return ops::combine({{1, &weight}, {strength_ * scale(), &delta}});
}

std::vector<AdapterPart> Lokr::parts() const {
  std::vector<AdapterPart> out;
  const auto add = [&](const std::string& name, const Tensor& t) {
    if (t.defined()) out.push_back({name, t});
  };
  const Tensor& any = first_.whole.defined() ? first_.whole : first_.a;
  if (alpha_ != 0) add("alpha", Tensor::full(any.device(), {}, static_cast<float>(alpha_)));
  for (const auto& [name, factor] : {std::pair{"lokr_w1", &first_}, std::pair{"lokr_w2", &second_}}) {
    add(name, factor->whole);
    add(std::string(name) + "_a", factor->a);
    add(std::string(name) + "_b", factor->b);
  }
  return out;
}

}  // namespace dq::weights
