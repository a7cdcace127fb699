#include "ops/cpu/gemm_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// The most numbers of partial sums a task keeps (2 MB): more would leave the caches.
constexpr std::int64_t kMostSums = 1 << 19;

// Cycles beside the arithmetic, as measured on Zen 3: copying a number of A, widening a weight, starting a
// task.
constexpr double kCopy = 0.3, kWiden = 0.25, kStart = 5000;

double task_cost(const GemmShape& s, double rows, double columns, double k) {
  const double steps = rows * columns * k * 2 / s.flops_per_cycle;
  return steps + rows * k * kCopy + columns * k * kWiden + kStart;
}

}  // namespace

std::int64_t gemm_scratch_floats(const GemmShape& s, std::int64_t rows, std::int64_t panels) {
  const std::int64_t work = s.mc * s.kc + s.kc * s.nr;
  return work + round_up(rows, s.mr) * panels * s.nr;
}

Panels panels_of(const CpuDevice& device, const PackedWeight& weight) {
  const Tensor& data = weight.data;
  const GemmKernels& kernels = device.gemm();
  const GemmShape& shape = weight.compute == Precision::kBF16 ? kernels.bf16 : kernels.f32;
  Panels w;
  w.data = data.raw();
  w.n = weight.out_channels;
  w.k = weight.in_channels * weight.kernel_h * weight.kernel_w;
  const bool pairs = data.rank() == 4;  // [panels, K/2, nr, 2]; else [panels, K, nr]
  w.format = pairs                          ? PanelFormat::kBF16Pairs
             : data.dtype() == DType::kF16  ? PanelFormat::kF16
             : data.dtype() == DType::kBF16 ? PanelFormat::kBF16
                                            : PanelFormat::kF32;
  w.round_a = weight.compute == Precision::kBF16 && !pairs;
  const bool wants_pairs =
      weight.compute == Precision::kBF16 && kernels.bf16_format == PanelFormat::kBF16Pairs;
  const std::int64_t lines = pairs ? round_up(w.k, shape.k_step) / 2 : w.k;
  if (data.rank() < 3 || data.dim(1) != lines || data.dim(2) != shape.nr || pairs != wants_pairs) {
    throw Error(ErrorCode::kInternal, fmt::format("a weight packed as {} is not for {}",
                                                  dq::to_string(data.shape()), device.name()));
  }
  return w;
}

GemmSplit plan_gemm(const GemmShape& shape, std::int64_t m, std::int64_t panels, std::int64_t k, int threads,
                    bool keeps_sums) {
  GemmSplit best{std::min<std::int64_t>(m, shape.mc), panels};
  double best_cost = 0;
  const std::int64_t most_m = std::max<std::int64_t>(ceil_div(m, shape.mr), 1);
  for (std::int64_t mb = ceil_div(m, shape.mc); mb <= most_m; mb = mb + std::max<std::int64_t>(1, mb / 4)) {
    const std::int64_t rows = ceil_div(ceil_div(m, mb), shape.mr) * shape.mr;
    for (std::int64_t nb = 1; nb <= panels; nb = nb + std::max<std::int64_t>(1, nb / 4)) {
      const std::int64_t width = ceil_div(panels, nb);
      if (keeps_sums && rows * width * shape.nr > kMostSums && width > 1) continue;
      const std::int64_t tasks = ceil_div(m, rows) * ceil_div(panels, width);
      const double one = task_cost(shape, static_cast<double>(rows), static_cast<double>(width * shape.nr),
                                   static_cast<double>(k));
      const double cost = one * static_cast<double>(ceil_div(tasks, threads));
      if (best_cost == 0 || cost < best_cost) best = {rows, width}, best_cost = cost;
    }
    if (mb > 64L * threads) break;
  }
  return best;
}

void run_gemm(CpuDevice& device, std::int64_t m, const GemmProduct& product, const GemmProduct* beside,
              const Epilogue& out) {
  if (m == 0) return;
  const Panels& w = product.w;
  const GemmKernels& kernels = device.gemm();
  const bool bf16 = w.round_a || w.format == PanelFormat::kBF16Pairs;
  const GemmShape& shape = bf16 ? kernels.bf16 : kernels.f32;
  const std::int64_t panels = ceil_div(out.n, shape.nr);
  const std::int64_t twice = out.geglu ? 2 : 1;
  GemmShape planned = shape;
  planned.nr = static_cast<int>(shape.nr * twice);
  // A task whose K is one block finishes a panel, or a pair of them, at a time.
  const std::int64_t room = beside ? round_up(beside->w.k, std::max(shape.k_step, 8)) : 0;
  const bool keeps_sums = w.k > shape.kc - room || (out.geglu && out.n % shape.nr != 0);
  const GemmSplit split = plan_gemm(planned, m, panels, w.k + room, device.threads().size(), keeps_sums);
  const std::int64_t m_tasks = ceil_div(m, split.mc), n_tasks = ceil_div(panels, split.nc);
  const std::int64_t floats =
      gemm_scratch_floats(shape, split.mc, keeps_sums ? (split.nc + 1) * twice : twice);
  Tensor scratch = Tensor::empty(device, DType::kF32, {device.threads().size(), (floats + 15) / 16 * 16});
  float* memory = scratch.data<float>();
  const std::int64_t stride = scratch.strides()[0];
  // Neighbouring tasks share weights, which are the larger part of what comes from memory.
  device.threads().parallel_for(m_tasks * n_tasks, [&](std::int64_t i, int thread) {
    GemmTask task;
    task.a = product.a;
    task.w = w;
    task.out = out;
    if (beside) task.beside = *beside;
    task.m0 = i % m_tasks * split.mc;
    task.m1 = std::min(m, task.m0 + split.mc);
    task.p0 = i / m_tasks * split.nc;
    task.p1 = std::min(panels, task.p0 + split.nc);
    task.scratch = memory + thread * stride;
    kernels.run(task);
  });
}

}  // namespace dq::ops::cpu
