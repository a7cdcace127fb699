#include <vector>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// Weights stay what the packing contract makes of them, as f32 in the order of the source: rounded to bf16
// when the products are bf16.
PackedWeight keep(Device& device, const Tensor& weight, Precision compute) {
  PackedWeight out;
  out.data = Tensor::empty(device, DType::kF32, weight.shape());
  float* to = out.data.data<float>();
  for (std::int64_t i = 0; i < weight.count(); ++i) {
    const float v = load(weight.raw() + element_offset(weight, i) * size_of(weight.dtype()), weight.dtype());
    to[i] = compute == Precision::kBF16 ? to_float(to_bfloat16(v)) : v;
  }
  out.out_channels = weight.dim(0);
  out.in_channels = weight.dim(1);
  out.compute = compute;
  return out;
}

// Σ_k x[k]·w[k], with x rounded to bf16 when the products are bf16.
double dot(const float* x, const float* w, std::int64_t k, Precision compute) {
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    const float a = compute == Precision::kBF16 ? to_float(to_bfloat16(x[i])) : x[i];
    sum += static_cast<double>(a) * static_cast<double>(w[i]);
  }
  return sum;
}

// x·Wᵀ + bias in double, [rows, N].
std::vector<double> product(const Tensor& x, const PackedWeight& weight, const Tensor* bias) {
  const std::int64_t k = weight.in_channels, n = weight.out_channels, rows = x.count() / k;
  std::vector<double> out;
  for (std::int64_t m = 0; m < rows; ++m) {
    const float* row = x.data<float>() + element_offset(x, m * k);
    for (std::int64_t i = 0; i < n; ++i) {
      const double sum = dot(row, weight.data.data<float>() + i * k, k, weight.compute);
      out.push_back(sum + (bias ? static_cast<double>(bias->data<float>()[i]) : 0));
    }
  }
  return out;
}

}  // namespace

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute) {
  return keep(device, weight, compute);
}

PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute) {
  PackedWeight out = keep(device, weight, compute);
  out.kernel_h = static_cast<int>(weight.dim(2));
  out.kernel_w = static_cast<int>(weight.dim(3));
  return out;
}

void linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options, Tensor& y) {
  const std::vector<double> sums = product(x, weight, options.bias);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double residual = options.residual ? static_cast<double>(options.residual->data<float>()[i]) : 0;
    y.data<float>()[i] = static_cast<float>(apply(options.act, sums[i]) + residual);
  }
}

void linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias, Tensor& y) {
  const std::vector<double> sums = product(x, weight, bias);
  const auto n = static_cast<std::size_t>(weight.out_channels / 2);
  for (std::size_t i = 0; i < sums.size() / 2; ++i) {
    const std::size_t value = i / n * 2 * n + i % n;
    y.data<float>()[i] = static_cast<float>(sums[value] * apply(Activation::kGelu, sums[value + n]));
  }
}

}  // namespace dq::ops::ref
