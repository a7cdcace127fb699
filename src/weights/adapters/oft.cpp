#include "weights/adapters/oft.h"

#include <cmath>

#include "base/error.h"
#include "ops/elementwise.h"
#include "ops/inverse.h"

namespace dq::weights {
namespace {

Tensor turned(const Tensor& blocks) {
  return ops::contiguous(blocks.permute({0, 2, 1}));
}

double length(const Tensor& t) {
  double sum = 0;
  for (std::int64_t i = 0; i < t.count(); ++i) {
    const auto v = static_cast<double>(t.data<float>()[i]);
    sum += v * v;
  }
  return std::sqrt(sum);
}

Tensor identities(Device& device, std::int64_t blocks, std::int64_t side) {
  Tensor out = Tensor::zeros(device, DType::kF32, {blocks, side, side});
  for (std::int64_t i = 0; i < blocks * side; ++i)
    out.data<float>()[i / side * side * side + i % side * (side + 1)] = 1;
  return out;
}

}  // namespace

std::shared_ptr<const Adapter> Oft::read(const AdapterTensors& tensors, const Shape& layer, double strength) {
  auto out = std::make_shared<Oft>();
  out->blocks_ = needed(tensors, "oft_blocks");
  const Shape& shape = out->blocks_.shape();
  if (shape.size() == 4) throw Error(ErrorCode::kUnsupported, "BOFT's butterflies are not read yet");
  if (shape.size() != 3 || shape[1] != shape[2] || shape[0] * shape[1] != layer[0])
    does_not_fit("oft_blocks " + to_string(shape), layer);
  if (const auto rescale = tensors.find("rescale"); rescale != tensors.end()) {
    out->rescale_ = rescale->second;
    if (out->rescale_.count() != layer[0]) does_not_fit("rescale " + to_string(out->rescale_.shape()), layer);
  }
  out->constraint_ = number(tensors, "alpha", 0);
  out->strength_ = strength;
  return out;
}

std::shared_ptr<const Adapter> Oft::fresh(Device& device, const Shape& layer, const AdapterSize& size,
                                          CounterRandom) {
  auto out = std::make_shared<Oft>();
  const auto [side, blocks] = factors_of(layer[0], size.rank);
  out->blocks_ = zero_leaf(device, {blocks, side, side});
  return out;
}

Tensor Oft::skew() const {
  const Tensor back = turned(blocks_), q = ops::combine({{1, &blocks_}, {-1, &back}});
  const double most = constraint_ * static_cast<double>(blocks_.dim(0) * blocks_.dim(1));
  const double norm = most > 0 ? length(q.detached()) + 1e-8 : 0;
  return norm > most ? ops::combine({{most / norm, &q}}) : q;
}

Tensor Oft::changed(const Tensor& weight) const {
  const std::int64_t blocks = blocks_.dim(0), side = blocks_.dim(1);
  const Tensor q = skew(), one = identities(weight.device(), blocks, side);
  const Tensor sum = ops::add(one, q), inverse = ops::inverse(ops::combine({{1, &one}, {-1, &q}}));
  const Tensor rows = as_matrix(weight);
  std::vector<Tensor> out;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const auto block = [&](const Tensor& t) { return t.slice(0, i, i + 1).reshape({side, side}); };
    const Tensor r = product(block(sum), block(inverse));
    out.push_back(product(ops::contiguous(r.permute({1, 0})), rows.slice(0, i * side, (i + 1) * side)));
  }
  Tensor whole = ops::concat(out, 0);
  if (rescale_.defined()) {
    const Tensor ones = Tensor::full(weight.device(), {1, whole.dim(1)}, 1);
    whole = ops::multiply(whole, product(rescale_.reshape({-1, 1}), ones));
  }
  return blended(weight, whole.reshape(weight.shape()), strength_);
}

std::vector<AdapterPart> Oft::parts() const {
  std::vector<AdapterPart> out{{"alpha", Tensor::full(blocks_.device(), {}, static_cast<float>(constraint_))},
                               {"oft_blocks", blocks_}};
  if (rescale_.defined()) out.push_back({"rescale", rescale_});
  return out;
}

}  // namespace dq::weights
