// Shares the weight's gradient among threads: tiles for V and dM, positions of the patch for the products. A
// position is summed by one thread, over the tiles in order.
#include "ops/cpu/winograd_gradient.h"

#include <algorithm>

#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/matrix_kernels.h"
#include "ops/cpu/rounding.h"
#include "ops/cpu/winograd_plan.h"

namespace dq::ops::cpu {
namespace {

// V and dM of a group of tiles, and dU, take at most this much.
constexpr std::int64_t kMostGroup = 48 << 20, kMostDu = 64 << 20;
constexpr std::int64_t kTaskTiles = 4, kTaskNumbers = 1 << 14;

const WinogradGradientKernels& kernels_of(KernelSet set) {
  switch (vectors_of(set)) {
    case VectorSet::kAvx2:
      return winograd_gradient_kernels_avx2();
    case VectorSet::kAvx512:
      return winograd_gradient_kernels_avx512();
    case VectorSet::kEmulated512:
      return winograd_gradient_kernels_emulated512();
  }
  return winograd_gradient_kernels_avx2();
}

// A channel of V at one position as a row over tiles.
struct ChannelRows {
  const float* v = nullptr;  // at this position
  std::int64_t block = 0;    // floats from one K block to the next
  std::int64_t kc = 0;

  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t count, float* to) {
    const ChannelRows& r = *static_cast<const ChannelRows*>(self);
    const float* from = r.v + m / r.kc * r.block + m % r.kc + k * r.kc;
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * r.kc];
    return to;
  }
};

struct Products {
  WinogradGroup v;
  WinogradSpread dm;
  std::int64_t v_block = 0;
  float* du = nullptr;  // [36][channels][n]
  bool add = false;
};

// dU of one position: rows in blocks of mc, all panels.
void multiply(const CpuDevice& device, const Products& p, std::int64_t position, float* scratch) {
  const GemmKernels& gemm = device.gemm();
  const std::int64_t channels = p.v.images.channels;
  const ChannelRows rows{static_cast<const float*>(p.v.v) + position * p.v.v_stride, p.v_block,
                         device.winograd().kc};
  GemmTask task;
  task.a = {ChannelRows::row, &rows};
  task.w.data = p.dm.dm + position * p.dm.dm_stride;
  task.w.k = p.dm.tiles;
  task.w.n = p.dm.n;
  task.out.y = p.du + position * channels * p.dm.n;
  task.out.n = p.dm.n;
  if (p.add) task.out.residual = task.out.y;
  task.p1 = ceil_div(p.dm.n, gemm.f32.nr);
  task.scratch = scratch;
  for (task.m0 = 0; task.m0 < channels; task.m0 = task.m1) {
    task.m1 = std::min<std::int64_t>(channels, task.m0 + gemm.f32.mc);
    gemm.run(task);
  }
}

}  // namespace

bool winograd_gradient_pays(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, const Tensor& dw) {
  PackedWeight weight;
  weight.out_channels = dw.dim(0);
  weight.in_channels = x.dim(3);
  weight.kernel_h = static_cast<int>(dw.dim(2));
  weight.kernel_w = static_cast<int>(dw.dim(3));
  weight.compute = compute;
  // Tile registers multiply bf16 faster than this saves products in f32.
  if (winograd_kernels(cpu_device(dy), compute).number_bytes != sizeof(float)) return false;
  const std::int64_t du_bytes =
      kWinogradProducts * dw.dim(0) * x.dim(3) * static_cast<std::int64_t>(sizeof(float));
  return du_bytes <= kMostDu && winograd_pays(dy, weight, options);
}

void winograd_weight_gradient(const WinogradImages& images, const Tensor& dy, Tensor& dw) {
  CpuDevice& device = cpu_device(dw);
  const WinogradKernels& forward = device.winograd();
  const WinogradGradientKernels& kernels = kernels_of(device.kernel_set());
  const GemmShape& shape = device.gemm().f32;
  ThreadPool& threads = device.threads();
  const std::int64_t channels = images.channels, n = dy.dim(3), panels = ceil_div(n, shape.nr);
  const std::int64_t all = dy.dim(0) * images.tiles_y * images.tiles_x,
                     blocks = ceil_div(channels, forward.kc);
  const std::int64_t tile_bytes = kWinogradProducts * (blocks * forward.kc + panels * shape.nr) * 4;
  const std::int64_t groups = ceil_div(all * tile_bytes, kMostGroup), largest = ceil_div(all, groups);

  Products p;
  p.v.images = images;
  p.v.v_stride = largest * forward.kc + 80;  // as in winograd_plan.cpp
  p.v_block = kWinogradProducts * p.v.v_stride;
  Tensor v = Tensor::empty(device, DType::kF32, {blocks, kWinogradProducts, p.v.v_stride});
  const Tensor zeros = Tensor::zeros(device, DType::kF32, {channels});
  p.v.v = v.data<float>();
  p.v.images.zeros = zeros.data<float>();
  p.dm = {images, dy.data<float>(), n, shape.nr};
  p.dm.dm_stride = panels * largest * shape.nr + 80;
  Tensor dm = Tensor::empty(device, DType::kF32, {kWinogradProducts, p.dm.dm_stride});
  p.dm.dm = dm.data<float>();
  Tensor du = Tensor::empty(device, DType::kF32, {kWinogradProducts, channels, n});
  p.du = du.data<float>();
  const std::int64_t scratch_floats = ceil_div(gemm_scratch_floats(shape, shape.mc, panels), 16) * 16;
  Tensor scratch = Tensor::empty(device, DType::kF32, {threads.size(), scratch_floats});
  for (std::int64_t g = 0; g < groups; ++g) {
    p.v.first = p.dm.first = all * g / groups;
    p.v.tiles = p.dm.tiles = all * (g + 1) / groups - p.v.first;
    p.add = g > 0;
    threads.parallel_for(ceil_div(p.v.tiles, kTaskTiles), [&](std::int64_t i, int) {
      const std::int64_t t0 = i * kTaskTiles, t1 = std::min(p.v.tiles, t0 + kTaskTiles);
      forward.input(p.v, t0, t1);
      kernels.spread(p.dm, t0, t1);
    });
    threads.parallel_for(kWinogradProducts, [&](std::int64_t position, int thread) {
      multiply(device, p, position, scratch.data<float>() + thread * scratch_floats);
    });
  }
  const std::int64_t count = channels * n;
  Tensor dg = Tensor::empty(device, DType::kF32, {3, 3, channels, n});
  threads.parallel_for(ceil_div(count, kTaskNumbers), [&](std::int64_t i, int) {
    kernels.fold(p.du, count, i * kTaskNumbers, std::min(count, (i + 1) * kTaskNumbers), dg.data<float>());
  });
  copy(dg.permute({3, 2, 0, 1}), dw);
}

}  // namespace dq::ops::cpu
