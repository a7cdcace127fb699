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

// One under the other are the matrices down; side by side the matrices up, each in the rows of its own part.
ops::LowRank Weight::low_rank() const {
  std::vector<Tensor> downs, ups;
  std::vector<std::size_t> part_of;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    for (const auto& adapter : parts_[part]->adapters) {
      if (adapter->changes_weight()) continue;
      const ops::LowRank one = adapter->low_rank();
      downs.push_back(one.down);
      ups.push_back(one.up);
      part_of.push_back(part);
    }
  }
  if (downs.empty()) return {};
  if (downs.size() == 1 && parts_.size() == 1) return {downs[0], ups[0]};
  for (std::size_t i = 0; i < ups.size(); ++i) {
    std::vector<Tensor> rows;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      rows.push_back(part == part_of[i]
                         ? ups[i]
                         : Tensor::zeros(*device_, DType::kF32, {parts_[part]->shape[0], ups[i].dim(1)}));
    }
    ups[i] = ops::concat(rows, 0);
  }
  return {ops::concat(downs, 0), ops::concat(ups, 1)};
}

Tensor Weight::side(const Tensor& x, Tensor y, const ops::Conv2dOptions& layer) const {
  for (const auto& adapter : parts_[0]->adapters) {
    if (!adapter->changes_weight()) y = adapter->side(x, y, layer);
  }
  return y;
}

}  // namespace dq::weights
