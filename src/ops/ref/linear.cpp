#include <vector>

#include "ops/ref/reference.h"

namespace dq::ops::ref {
namespace {

// Weights stay what the packing contract makes of them, as f32 in the order of the source: rounded to bf16
// when the products are bf16. f64 stays f64.
PackedWeight keep(Device& device, const Tensor& weight, Precision compute) {
  PackedWeight out;
  const bool f64 = weight.dtype() == DType::kF64 && compute == Precision::kF32;
  out.data = Tensor::empty(device, f64 ? DType::kF64 : DType::kF32, weight.shape());
  if (f64) copy(weight, out.data);
  for (std::int64_t i = 0; i < weight.count() && !f64; ++i) {
    const float v = load(weight.raw() + element_offset(weight, i) * size_of(weight.dtype()), weight.dtype());
    out.data.data<float>()[i] = compute == Precision::kBF16 ? to_float(to_bfloat16(v)) : v;
  }
  out.out_channels = weight.dim(0);
  out.in_channels = weight.dim(1);
  out.compute = compute;
  return out;
}

// x·Wᵀ is added to the sums, [rows, N].
void add_product(const LinearProduct& p, std::vector<double>& sums) {
  const std::int64_t k = p.weight.in_channels, n = p.weight.out_channels, rows = p.x.count() / k;
  const Numbers from(p.x), w(p.weight.data);
  for (std::int64_t m = 0; m < rows; ++m) {
    const std::int64_t row = element_offset(p.x, m * k);
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < k; ++j) sum += factor(from[row + j], p.weight.compute) * w[i * k + j];
      sums[static_cast<std::size_t>(m * n + i)] += sum;
    }
  }
}

// Both products and the bias in double, [rows, N].
std::vector<double> sums_of(const LinearProduct& product, const LinearProduct* beside, const Tensor* bias) {
  const std::int64_t n = product.weight.out_channels;
  std::vector<double> out(static_cast<std::size_t>(product.x.count() / product.weight.in_channels * n));
  add_product(product, out);
  if (beside) add_product(*beside, out);
  for (std::size_t i = 0; bias && i < out.size(); ++i)
    out[i] += Numbers(*bias)[static_cast<std::int64_t>(i) % n];
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

void linear(const LinearProduct& product, const LinearProduct* beside, const LinearOptions& options,
            Tensor& y) {
  const std::vector<double> sums = sums_of(product, beside, options.bias);
  Results out(y);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const double residual = options.residual ? Numbers(*options.residual)[i] : 0;
    out.set(i, apply(options.act, sums[static_cast<std::size_t>(i)]) + residual);
  }
}

void linear_geglu(const LinearProduct& product, const LinearProduct* beside, const Tensor* bias, Tensor& y) {
  const std::vector<double> sums = sums_of(product, beside, bias);
  const auto n = static_cast<std::size_t>(product.weight.out_channels / 2);
  Results out(y);
  for (std::size_t i = 0; i < sums.size() / 2; ++i) {
    const std::size_t value = i / n * 2 * n + i % n;
    out.set(static_cast<std::int64_t>(i), sums[value] * apply(Activation::kGelu, sums[value + n]));
  }
}

}  // namespace dq::ops::ref
