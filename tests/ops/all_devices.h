#pragma once
// The kernel sets of matrix_cases.h as devices of one precision.
#include <algorithm>
#include <limits>
#include <span>

#include "matrix_cases.h"

namespace dq::test {

struct NamedDevice {
  std::string name;
  std::unique_ptr<Device> device;
};

inline std::vector<NamedDevice> all_cpu_devices(int threads = 2, Precision precision = Precision::kF32) {
  std::vector<NamedDevice> out;
  for (const Variant& variant : variants()) {
    if (variant.precision == precision) out.push_back({variant.name, variant.device(threads)});
  }
  return out;
}

inline std::span<const float> numbers(const Tensor& x) {
  return {x.data<float>(), static_cast<std::size_t>(x.count())};
}

// The largest |a − b|; infinity when shapes differ or only one is NaN.
inline double largest_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::isnan(x) != std::isnan(y)) return std::numeric_limits<double>::infinity();
    if (!std::isnan(x) && x != y) most = std::max(most, std::abs(x - y));
  }
  return most;
}

}  // namespace dq::test
