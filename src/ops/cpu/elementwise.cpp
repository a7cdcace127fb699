#include <algorithm>

#include "ops/cpu/elementwise_kernels.h"
#include "ops/cpu/kernels.h"

namespace dq::ops::cpu {
namespace {

// Numbers a task takes: 64 KB of output, so that several terms pass through one core's cache.
constexpr std::int64_t kChunk = 1 << 14;

}  // namespace

void combine(std::span<const Term> terms, Tensor& y) {
  const std::int64_t count = y.count();
  float* out = y.data<float>();
  y.device().threads().parallel_for((count + kChunk - 1) / kChunk, [&](std::int64_t task, int) {
    const std::int64_t at = task * kChunk, n = std::min(kChunk, count - at);
    const auto x = [&](std::size_t i) { return terms[i].x->data<float>() + at; };
    const auto factor = [&](std::size_t i) { return static_cast<float>(terms[i].factor); };
    if (terms.size() == 1) return scale(factor(0), x(0), out + at, n);
    scale_and_add(factor(0), x(0), factor(1), x(1), out + at, n);
    for (std::size_t i = 2; i < terms.size(); ++i) add_scaled(factor(i), x(i), out + at, n);
  });
}

void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out) {
  const std::int64_t channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
  y.device().threads().parallel_for(x.dim(0) * channels, [&](std::int64_t plane, int) {
    const std::int64_t image = mask.dim(0) > 1 ? plane / channels : 0, at = plane * pixels;
    blend_row(x.data<float>() + at, y.data<float>() + at, mask.data<float>() + image * pixels,
              out.data<float>() + at, pixels);
  });
}

}  // namespace dq::ops::cpu
