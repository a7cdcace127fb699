#include "weights/adapters/dora.h"

#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "tensor/gradient.h"
#include "weights/adapters/lora.h"

namespace dq::weights {
namespace {

// A layer's numbers as [out, in, kernel].
struct Extents {
  std::int64_t out, in, kernel;
  explicit Extents(const Shape& s) : out(s[0]), in(s[1]), kernel(element_count(s) / s[0] / s[1]) {}
};

// [out] or [in].
std::vector<double> lengths(const Tensor& weight, bool of_rows) {
  const Extents e(weight.shape());
  std::vector<double> sums(static_cast<std::size_t>(of_rows ? e.out : e.in), 0.0);
  const float* at = weight.data<float>();
  for (std::int64_t o = 0; o < e.out; ++o) {
    for (std::int64_t i = 0; i < e.in; ++i) {
      double& sum = sums[static_cast<std::size_t>(of_rows ? o : i)];
      for (std::int64_t k = 0; k < e.kernel; ++k, ++at)
        sum += static_cast<double>(*at) * static_cast<double>(*at);
    }
  }
  for (double& sum : sums) sum = std::sqrt(sum);
  return sums;
}

Tensor ones(Device& device, Shape shape) {
  return Tensor::full(device, std::move(shape), 1);
}

// A number a row or a column, repeated to the layer's shape.
Tensor repeated(const Tensor& numbers, bool of_rows, const Shape& layer) {
  const Extents e(layer);
  Device& device = numbers.device();
  if (of_rows) return product(numbers.reshape({e.out, 1}), ones(device, {1, e.in * e.kernel})).reshape(layer);
  const Tensor row = product(numbers.reshape({e.in, 1}), ones(device, {1, e.kernel}));
  return product(ones(device, {e.out, 1}), row.reshape({1, e.in * e.kernel})).reshape(layer);
}

}  // namespace

Dora::Dora(std::shared_ptr<const Adapter> direction, Tensor m, const Shape& layer, double strength)
    : direction_(std::move(direction)), m_(std::move(m)), strength_(strength) {
  const std::int64_t rows = m_.rank() > 0 ? m_.dim(0) : 0, columns = m_.rank() > 1 ? m_.dim(1) : 1;
  const bool fits =
      (rows == layer[0] && m_.count() == rows) || (rows == 1 && columns == layer[1] && m_.count() == columns);
  if (!fits) does_not_fit("dora_scale " + to_string(m_.shape()), layer);
}

std::shared_ptr<const Adapter> Dora::fresh(const Tensor& weight, const AdapterSize& size,
                                           CounterRandom random) {
  Device& device = weight.device();
  const std::vector<double> rows = lengths(weight, true);
  Shape shape(weight.shape().size(), 1);
  shape[0] = weight.dim(0);
  Tensor m = zero_leaf(device, shape);
  for (std::size_t i = 0; i < rows.size(); ++i) m.data<float>()[i] = static_cast<float>(rows[i]);
  return std::make_shared<const Dora>(Lora::fresh(device, weight.shape(), size, random), m, weight.shape());
}

Tensor Dora::changed(const Tensor& weight) const {
  const bool of_rows = m_.dim(0) == weight.dim(0) && m_.count() == weight.dim(0);
  const Tensor moved = direction_->changed(weight);
  const std::vector<double> found = lengths(moved.detached(), of_rows);
  Tensor shares = Tensor::empty(weight.device(), DType::kF32, {static_cast<std::int64_t>(found.size())});
  constexpr double kTiny = static_cast<double>(std::numeric_limits<float>::epsilon());
  for (std::size_t i = 0; i < found.size(); ++i)
    shares.data<float>()[i] = static_cast<float>(1 / (found[i] + kTiny));
  const Tensor ratio = ops::multiply(m_.reshape({-1}), shares);
  const Tensor whole = ops::multiply(moved, repeated(ratio, of_rows, weight.shape()));
  return blended(weight, whole, strength_);
}

std::vector<AdapterPart> Dora::parts() const {
  std::vector<AdapterPart> out = direction_->parts();
  out.push_back({"dora_scale", m_});
  return out;
}

}  // namespace dq::weights
