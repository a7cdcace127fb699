#pragma once
// Reference tensors made by the official implementations (tests/golden/*.py) and ways to compare with them.
#include <span>
#include <string>
#include <vector>

#include "files/weight_source.h"

namespace dq::test {

// The path of a file under tests/golden/.
std::string golden_path(const std::string& name);

// A tensor of a golden safetensors file, as f32, contiguous, on `device`.
Tensor golden(const files::WeightSource& source, const std::string& name, Device& device);

// ‖a − b‖₂ / ‖b‖₂ over all elements (f32, same shape); infinity when shapes differ or a value is not finite.
double relative_error(const Tensor& a, const Tensor& b);
double relative_error(std::span<const float> a, std::span<const float> b);

// 10·log10(peak² / mean squared error), in dB.
double psnr(std::span<const float> a, std::span<const float> b, double peak);

// Uniform numbers in [lo, hi), the same on every machine (SplitMix64).
std::vector<float> random_values(std::size_t n, std::uint64_t seed, float lo = -1, float hi = 1);
Tensor random_tensor(Device& device, Shape shape, std::uint64_t seed, float lo = -1, float hi = 1);

}  // namespace dq::test
