#include "weights/adapters/parts.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "tensor/gradient.h"

namespace dq::weights {

Tensor as_matrix(const Tensor& t) {
  return t.rank() == 2 ? t : t.reshape({t.dim(0), -1});
}

Tensor product(const Tensor& a, const Tensor& b) {
  const Tensor turned = b.permute({1, 0});
  ops::PackedWeight packed = ops::pack_linear(a.device(), turned, Precision::kF32);
  packed.source = turned;  // a may ask for a gradient where b does not
  return ops::linear(a, packed);
}

Tensor blended(const Tensor& base, const Tensor& whole, double factor) {
  return factor == 1 ? whole : ops::combine({{1 - factor, &base}, {factor, &whole}});
}

const Tensor& needed(const AdapterTensors& tensors, std::string_view name) {
  const auto at = tensors.find(name);
  if (at == tensors.end())
    throw Error(ErrorCode::kBadFile, fmt::format("a module of the adapter has no {}", name));
  return at->second;
}

double number(const AdapterTensors& tensors, std::string_view name, double otherwise) {
  const auto at = tensors.find(name);
  if (at == tensors.end()) return otherwise;
  if (at->second.count() != 1)
    throw Error(ErrorCode::kBadFile, fmt::format("an adapter's {} is not one number", name));
  return static_cast<double>(*at->second.data<float>());
}

void does_not_fit(const std::string& what, const Shape& layer) {
  throw Error(ErrorCode::kBadFile,
              fmt::format("the adapter's {} does not fit the layer's {}", what, to_string(layer)));
}

Tensor zero_leaf(Device& device, Shape shape) {
  Tensor out = Tensor::zeros(device, DType::kF32, std::move(shape));
  ask_gradient(out);
  return out;
}

Tensor uniform_leaf(Device& device, Shape shape, CounterRandom random) {
  Tensor out = zero_leaf(device, std::move(shape));
  const double bound = 1 / std::sqrt(static_cast<double>(out.count() / out.dim(0)));
  for (std::int64_t i = 0; i < out.count(); ++i)
    out.data<float>()[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
  return out;
}

Tensor normal_leaf(Device& device, Shape shape, double deviation, CounterRandom random) {
  Tensor out = zero_leaf(device, std::move(shape));
  Normals normals(random);
  for (std::int64_t i = 0; i < out.count(); ++i)
    out.data<float>()[i] = static_cast<float>(deviation * normals.next());
  return out;
}

std::pair<std::int64_t, std::int64_t> factors_of(std::int64_t size, std::int64_t most) {
  if (most > 0 && size % most == 0) return std::minmax(most, size / most);
  if (most < 0) most = size;
  std::int64_t small = 1, large = size;
  while (small < large) {
    std::int64_t next = small + 1;
    while (size % next != 0) ++next;
    if (next + size / next > small + large || next > most) break;
    small = next;
    large = size / next;
  }
  return std::minmax(small, large);
}

}  // namespace dq::weights
