#include "ops/rms_norm.h"

#include <algorithm>
#include <vector>

#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/rms_norm_kernels.h"

namespace dq::ops::cpu {
namespace {

// Rows a task takes: 64 KB, and enough that the sums of the weight's gradient stay small beside x.
std::int64_t rows_per_task(std::int64_t width) {
  return std::clamp<std::int64_t>((1 << 14) / width, 8, 256);
}

const RmsNormKernels& kernels_of(const Tensor& x) {
  switch (vectors_of(cpu_device(x).kernel_set())) {
    case VectorSet::kAvx512:
      return kRmsNormAvx512;
    case VectorSet::kEmulated512:
      return kRmsNormEmulated512;
    case VectorSet::kAvx2:
      break;
  }
  return kRmsNormAvx2;
}

// task(piece, row) for every row; the rows of one piece come in order.
template <class Task>
void each_row(Device& device, std::int64_t rows, std::int64_t per_task, const Task& task) {
  device.threads().parallel_for((rows + per_task - 1) / per_task, [&](std::int64_t piece, int) {
    for (std::int64_t r = piece * per_task; r < std::min(rows, (piece + 1) * per_task); ++r) task(piece, r);
  });
}

}  // namespace

void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor& y) {
  const std::int64_t width = x.dim(-1);
  const auto row = kernels_of(x).row;
  const float* w = weight.defined() ? weight.data<float>() : nullptr;
  each_row(x.device(), x.count() / width, rows_per_task(width), [&](std::int64_t, std::int64_t r) {
    row({x.data<float>() + r * width, w, width, eps}, y.data<float>() + r * width);
  });
}

// The weight's share of each piece of rows is summed on its own, and the pieces in order.
void rms_norm_gradient(const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                       const NormGradients& out) {
  const std::int64_t width = x.dim(-1), rows = x.count() / width, per_task = rows_per_task(width);
  const std::int64_t pieces = (rows + per_task - 1) / per_task;
  const auto row = kernels_of(x).gradient_row;
  const float* w = weight.defined() ? weight.data<float>() : nullptr;
  std::vector<float> sums(out.dweight ? static_cast<std::size_t>(pieces * width) : 0);
  each_row(x.device(), rows, per_task, [&](std::int64_t piece, std::int64_t r) {
    row({x.data<float>() + r * width, w, width, eps}, dy.data<float>() + r * width,
        out.dx ? out.dx->data<float>() + r * width : nullptr,
        out.dweight ? sums.data() + piece * width : nullptr);
  });
  if (!out.dweight) return;
  for (std::int64_t c = 0; c < width; ++c) {
    double sum = 0;
    for (std::int64_t i = 0; i < pieces; ++i) sum += sums[static_cast<std::size_t>(i * width + c)];
    out.dweight->data<float>()[c] = static_cast<float>(sum);
  }
}

}  // namespace dq::ops::cpu
