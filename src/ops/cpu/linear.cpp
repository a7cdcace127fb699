#include <vector>

#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/matrix_kernels.h"

namespace dq::ops::cpu {
namespace {

// Where the rows of x lie. Most tensors have rows at one distance; any other view gets a list of offsets.
struct Rows {
  const float* x = nullptr;
  std::int64_t count = 0, stride = 0;
  std::vector<std::int64_t> offsets;

  explicit Rows(const Tensor& t) : x(t.data<float>()), count(1), stride(t.dim(-1)) {
    const std::size_t outer = t.shape().size() - 1;
    bool even = true;
    for (std::size_t i = outer; i-- > 0;) {
      if (t.shape()[i] == 1) continue;
      if (count == 1)
        stride = t.strides()[i];
      else if (t.strides()[i] != stride * count)
        even = false;
      count *= t.shape()[i];
    }
    if (even) return;
    offsets.reserve(static_cast<std::size_t>(count));
    for (std::int64_t m = 0; m < count; ++m) {
      std::int64_t rest = m, offset = 0;
      for (std::size_t i = outer; i-- > 0;) {
        offset += rest % t.shape()[i] * t.strides()[i];
        rest /= t.shape()[i];
      }
      offsets.push_back(offset);
    }
  }

  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t, float*) {
    const Rows& r = *static_cast<const Rows*>(self);
    return r.x + (r.offsets.empty() ? m * r.stride : r.offsets[static_cast<std::size_t>(m)]) + k;
  }
};

void multiply(const LinearProduct& product, const LinearProduct* beside, Epilogue out, Tensor& y) {
  CpuDevice& device = cpu_device(y);
  const Rows rows(product.x), beside_rows(beside ? beside->x : product.x);
  out.y = y.data<float>();
  out.n = y.dim(-1);
  GemmProduct second;
  if (beside) second = {{Rows::row, &beside_rows}, panels_of(device, beside->weight)};
  run_gemm(device, rows.count, {{Rows::row, &rows}, panels_of(device, product.weight)},
           beside ? &second : nullptr, out);
}

}  // namespace

void linear(const LinearProduct& product, const LinearProduct* beside, const LinearOptions& options,
            Tensor& y) {
  Epilogue out;
  if (options.bias) out.bias = options.bias->data<float>();
  if (options.residual) out.residual = options.residual->data<float>();
  out.act = options.act;
  multiply(product, beside, out, y);
}

void linear_geglu(const LinearProduct& product, const LinearProduct* beside, const Tensor* bias, Tensor& y) {
  Epilogue out;
  if (bias) out.bias = bias->data<float>();
  out.geglu = true;
  multiply(product, beside, out, y);
}

}  // namespace dq::ops::cpu
