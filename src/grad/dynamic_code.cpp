#include "grad/dynamic_code.h"

#include <algorithm>
#include <cmath>

namespace dq::grad {

DynamicCode::DynamicCode(Sign sign) {
  const bool is_signed = sign == Sign::kSigned;
  std::size_t at = 0;
  for (int decade = 0; decade < 7; ++decade) {
    const int parts = is_signed ? 1 << decade : 2 << decade;
    for (int i = 0; i < parts; ++i) {
      const double centre = 0.1 + 0.9 * (i + 0.5) / parts;
      const auto value = static_cast<float>(std::pow(10.0, decade - 6) * centre);
      values_[at++] = value;
      if (is_signed) values_[at++] = -value;
    }
  }
  values_[at++] = 0;
  values_[at++] = 1;
  std::sort(values_.begin(), values_.end());
  for (std::size_t i = 0; i < borders_.size(); ++i) borders_[i] = 0.5f * (values_[i] + values_[i + 1]);
  least_ = is_signed ? 0 : 1;
}

float DynamicCode::encode(const float* x, std::int64_t n, std::uint8_t* codes) const {
  float peak = 0;
  for (std::int64_t i = 0; i < n; ++i) peak = std::max(peak, std::abs(x[i]));
  const float scale = peak > 0 ? peak : 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const float wanted = x[i] / scale;
    // How many borders lie below, by halving.
    std::size_t code = 0;
    for (std::size_t half = 128; half > 0; half /= 2) {
      code += borders_[code + half - 1] < wanted ? half : 0;
    }
    if (code == 0 && x[i] > 0) code = least_;
    codes[i] = static_cast<std::uint8_t>(code);
  }
  return peak;
}

void DynamicCode::decode(const std::uint8_t* codes, std::int64_t n, float peak, float* x) const {
  for (std::int64_t i = 0; i < n; ++i) x[i] = values_[codes[i]] * peak;
}

}  // namespace dq::grad
