#include "grad/optimizer_parts.h"

#include <cstring>

#include "base/error.h"

namespace dq::grad {

double sum_of_squares(const Tensor& x) {
  const float* values = x.data<float>();
  return sum_of_pieces(x.device(), x.count(), [&](std::int64_t at, std::int64_t n) {
    double sum = 0;
    for (std::int64_t i = at; i < at + n; ++i)
      sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    return sum;
  });
}

const Tensor& find_state(const State& state, const std::string& name, const Tensor& like) {
  const auto it = state.find(name);
  if (it == state.end() || it->second.shape() != like.shape() || it->second.dtype() != like.dtype() ||
      !it->second.is_contiguous()) {
    throw Error(ErrorCode::kBadFile, "the optimiser's state does not fit").key(name);
  }
  return it->second;
}

void take_state(const State& state, const std::string& name, Tensor into) {
  const Tensor& from = find_state(state, name, into);
  if (into.count() > 0) std::memmove(into.raw(), from.raw(), static_cast<std::size_t>(into.bytes()));
}

Tensor count_tensor(Device& device, std::int64_t count) {
  const float parts[]{static_cast<float>(count / 65536), static_cast<float>(count % 65536)};
  return Tensor::from(device, parts, {2});
}

std::int64_t take_count(const State& state, const std::string& name, Device& device) {
  Tensor parts = Tensor::zeros(device, DType::kF32, {2});
  take_state(state, name, parts);
  const float high = parts.data<float>()[0], low = parts.data<float>()[1];
  if (!(high >= 0 && high < 0x1p24f && low >= 0 && low < 65536) || high != std::floor(high) ||
      low != std::floor(low)) {
    throw Error(ErrorCode::kBadFile, "the optimiser's state has no count of steps").key(name);
  }
  return static_cast<std::int64_t>(high) * 65536 + static_cast<std::int64_t>(low);
}

}  // namespace dq::grad
