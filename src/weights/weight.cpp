#include "weights/weight.h"

#include <algorithm>

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
  Tensor value = parts_[part]->base();
  for (const auto& adapter : parts_[part]->adapters) {
    if (adapter->changes_weight()) value = adapter->changed(value);
  }
  return value;
}

Weight::Adapters Weight::adapters() const {
  Adapters out;
  for (const auto& part : parts_) out.push_back(part->adapters);
  return out;
}

bool Weight::trained() const {
  if (!packed_.defined() && !stream_) return true;
  return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) {
    return std::any_of(part->adapters.begin(), part->adapters.end(),
                       [](const auto& a) { return a->is_trained(); });
  });
}

ops::PackedWeight Weight::pack_anew() const {
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < parts_.size(); ++i) values.push_back(part_value(i));
  const Tensor whole = values.size() == 1 ? values[0] : ops::concat(values, 0);
  ops::PackedWeight out = ops::pack_weight(*device_, whole, device_->precision());
  // A weight that only paints needs no way back.
  const bool only_paints = stream_ || (packed_.defined() && !packed_.source.defined());
  if (!out.source.defined() && !only_paints) out.source = whole;
  return out;
}

ops::PackedWeight Weight::packed() const {
  if ((packed_.defined() || stream_) && !changed()) {
    folded_.reset();
    return stream_ ? stream_() : packed_;
  }
  if (trained() || stream_) return pack_anew();
  if (!folded_ || folded_->adapters != adapters())
    folded_ = std::make_shared<const Folded>(Folded{adapters(), pack_anew()});
  return folded_->packed;
}

Tensor Weight::side(const Tensor& x, Tensor y, const ops::Conv2dOptions* conv, std::size_t part) const {
  for (const auto& adapter : parts_[part]->adapters) {
    if (!adapter->changes_weight()) y = adapter->side(x, y, {parts_[part]->shape, conv});
  }
  return y;
}

}  // namespace dq::weights
