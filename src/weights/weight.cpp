#include "weights/weight.h"

#include <algorithm>

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::weights {

bool Weight::changed() const {
  for (const auto& part : parts_) {
    for (const auto& adapter : part->adapters) {
      if (adapter->changes_weight()) return true;
    }
  }
  return false;
}

bool Weight::has_side(std::size_t part) const {
  const auto& adapters = parts_[part]->adapters;
  return std::any_of(adapters.begin(), adapters.end(), [](const auto& a) { return !a->changes_weight(); });
}

Tensor Weight::part_value(std::size_t part) const {
  const Parameter& parameter = *parts_[part];
  Tensor value = parameter.value;
  if (!value.defined()) {
    if (!packed_.source.defined()) {
      throw Error(ErrorCode::kInternal, "an adapter changes a weight that was packed for painting only");
    }
    const std::int64_t rows = parameter.shape[0], begin = static_cast<std::int64_t>(part) * rows;
    value = ops::convert(packed_.source.slice(0, begin, begin + rows), DType::kF32).reshape(parameter.shape);
  }
  for (const auto& adapter : parameter.adapters) {
    if (adapter->changes_weight()) value = adapter->changed(value);
  }
  return value;
}

ops::PackedWeight Weight::packed() const {
  if (packed_.defined() && !changed()) return packed_;
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < parts_.size(); ++i) values.push_back(part_value(i));
  const Tensor whole = values.size() == 1 ? values[0] : ops::concat(values, 0);
  const Precision precision = device_->precision();
  ops::PackedWeight out = whole.rank() == 4 ? ops::pack_conv2d(*device_, whole, precision)
                                            : ops::pack_linear(*device_, whole, precision);
  if (!out.source.defined()) out.source = whole;
  return out;
}

Tensor Weight::side(const Tensor& x, Tensor y, const ops::Conv2dOptions* conv, std::size_t part) const {
  for (const auto& adapter : parts_[part]->adapters) {
    if (!adapter->changes_weight()) y = adapter->side(x, y, {parts_[part]->shape, conv});
  }
  return y;
}

}  // namespace dq::weights
