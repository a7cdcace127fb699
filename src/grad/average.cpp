#include "grad/average.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "grad/optimizer_parts.h"
#include "ops/elementwise.h"

namespace dq::grad {

WeightAverage::WeightAverage(std::vector<Trained> trained, double decay)
    : trained_(std::move(trained)), decay_(decay) {
  if (!(decay >= 0 && decay < 1)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("the average's decay cannot be {}", decay))
        .hint("It is at least 0 and below 1, such as 0.999.");
  }
  for (const Trained& t : trained_) values_.push_back(ops::copied(t.leaf.detached()));
}

void WeightAverage::check_not_swapped() const {
  if (swapped_) throw Error(ErrorCode::kInternal, "the average stands in the leaves' place");
}

void WeightAverage::update() {
  check_not_swapped();
  const auto n = static_cast<double>(updates_);
  const auto share = static_cast<float>(1 - std::min(decay_, (1 + n) / (10 + n)));
  ++updates_;
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    const float* leaf = trained_[i].leaf.data<float>();
    float* average = values_[i].data<float>();
    in_pieces(values_[i].device(), values_[i].count(), [&](std::int64_t at, std::int64_t count) {
      for (std::int64_t k = at; k < at + count; ++k) average[k] += share * (leaf[k] - average[k]);
    });
  }
}

void WeightAverage::swap() {
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    float *leaf = trained_[i].leaf.data<float>(), *average = values_[i].data<float>();
    std::swap_ranges(leaf, leaf + values_[i].count(), average);
  }
  swapped_ = !swapped_;
}

std::map<std::string, Tensor> WeightAverage::values() const {
  std::map<std::string, Tensor> out;
  for (std::size_t i = 0; i < trained_.size(); ++i) out[trained_[i].name] = values_[i];
  return out;
}

std::map<std::string, Tensor> WeightAverage::state() const {
  check_not_swapped();
  State out;
  for (std::size_t i = 0; i < trained_.size(); ++i) out["value." + trained_[i].name] = values_[i];
  if (!trained_.empty()) out["updates"] = count_tensor(trained_[0].leaf.device(), updates_);
  return out;
}

void WeightAverage::load_state(const std::map<std::string, Tensor>& state) {
  check_not_swapped();
  for (std::size_t i = 0; i < trained_.size(); ++i)
    take_state(state, "value." + trained_[i].name, values_[i]);
  if (!trained_.empty()) updates_ = take_count(state, "updates", trained_[0].leaf.device());
}

}  // namespace dq::grad
