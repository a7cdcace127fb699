#include "ops/cpu/winograd_plan.h"

#include <algorithm>

#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// V of a group takes at most this much: a share of L3, and little beside a model.
constexpr std::int64_t kMostV = 12 << 20;
// Tiles that one input task transforms, and below which an output task is not cut further.
constexpr std::int64_t kInputTiles = 4, kFewTiles = 24;

}  // namespace

// Measured on one Zen 3 core, 3×3 kernels, beside 85 … 89 GFLOP/s of the direct product: from 64²×320 to
// 16²×1280 (batch 2) 280 … 294 in effect, at 8²×1280 with 8 tiles 232, with 4 tiles 166. So few tiles
// suffice, as long as the last ones of a row or column are not mostly outside: the products must be at most
// 2/3 of the direct ones. Few channels leave the transforms too large a share, and few columns half-empty
// panels.
bool winograd_pays(const Tensor& y, const PackedWeight& weight, const Conv2dOptions& options) {
  if (weight.kernel_h != 3 || weight.kernel_w != 3 || options.stride != 1) return false;
  // Tile registers multiply bf16 faster than Winograd saves products in f32.
  const GemmKernels& gemm = cpu_device(y).gemm();
  if (weight.compute == Precision::kBF16 && gemm.bf16.flops_per_cycle > 8 * gemm.f32.flops_per_cycle)
    return false;
  if (weight.in_channels < 32 || weight.in_channels % 2 != 0 || weight.out_channels < 16) return false;
  const std::int64_t tiles = y.dim(0) * ceil_div(y.dim(1), kWinogradTile) * ceil_div(y.dim(2), kWinogradTile);
  const std::int64_t pixels = y.dim(0) * y.dim(1) * y.dim(2);
  return tiles >= 4 && 36 * tiles * 3 <= 9 * pixels * 2;
}

void run_winograd(CpuDevice& device, const WinogradImages& images, std::int64_t batch, const Panels& w,
                  const Epilogue& out) {
  const WinogradKernels& kernels = device.winograd();
  ThreadPool& threads = device.threads();
  const std::int64_t all = batch * images.tiles_y * images.tiles_x;
  const std::int64_t blocks = ceil_div(images.channels, kernels.kc);
  const std::int64_t tile_bytes = kWinogradProducts * blocks * kernels.kc * 4;
  const std::int64_t groups = ceil_div(all, std::max(kernels.most_tiles / 4, kMostV / tile_bytes));
  const std::int64_t largest = ceil_div(all, groups), panels = ceil_div(out.n, kernels.nr);
  // Output tasks are panels; where those are too few for the threads, also pieces of the group.
  std::int64_t pieces = ceil_div(largest, kernels.most_tiles);
  while (pieces * panels < 3 * threads.size() && largest / (pieces + 1) >= kFewTiles) ++pieces;

  const std::int64_t scratch_floats = ceil_div(kernels.scratch_floats(ceil_div(largest, pieces)), 16) * 16;
  Tensor scratch = Tensor::empty(device, DType::kF32, {threads.size(), scratch_floats});
  WinogradGroup group{images};
  // Five lines more than full: the 36 streams that the input transform writes then fall into different sets.
  group.v_stride = largest * kernels.kc + 80;
  Tensor v = Tensor::empty(device, DType::kF32, {blocks, kWinogradProducts, group.v_stride});
  const Tensor zeros = Tensor::zeros(device, DType::kF32, {images.channels});
  group.v = v.data<float>();
  group.images.zeros = zeros.data<float>();
  for (std::int64_t g = 0; g < groups; ++g) {
    group.first = all * g / groups;
    group.tiles = all * (g + 1) / groups - group.first;
    threads.parallel_for(ceil_div(group.tiles, kInputTiles), [&](std::int64_t i, int) {
      kernels.input(group, i * kInputTiles, std::min(group.tiles, (i + 1) * kInputTiles));
    });
    threads.parallel_for(panels * pieces, [&](std::int64_t i, int thread) {
      const std::int64_t piece = i % pieces;
      kernels.output(group, w, out, i / pieces, group.tiles * piece / pieces,
                     group.tiles * (piece + 1) / pieces, scratch.data<float>() + thread * scratch_floats);
    });
  }
}

}  // namespace dq::ops::cpu
