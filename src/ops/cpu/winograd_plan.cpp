#include "ops/cpu/winograd_plan.h"

#include <algorithm>

#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// V of a group takes at most this much: a share of L3, and little beside a model.
constexpr std::int64_t kMostV = 12 << 20;
// Tiles that one input task transforms, and below which an output task is not cut further.
constexpr std::int64_t kInputTiles = 4, kFewTiles = 24;

std::int64_t tiles_of(std::int64_t outputs, const WinogradKernels& kernels) {
  return ceil_div(outputs, kernels.tile);
}

}  // namespace

const WinogradKernels& winograd_kernels(const CpuDevice& device, Precision compute) {
  return compute == Precision::kBF16 ? device.winograd_bf16() : device.winograd();
}

// Measured on one Zen 3 core, 3×3 kernels, beside 85 … 89 GFLOP/s of the direct product: from 64²×320 to
// 16²×1280 (batch 2) 280 … 294 in effect, at 8²×1280 with 8 tiles 232, with 4 tiles 166. So few tiles
// suffice, as long as the last ones of a row or column are not mostly outside: the products must be at most
// 2/3 of the direct ones.
// In tile registers, two cores, in effect beside a matrix product of 1 at the same moment: from 64²×320 to
// 16²×2560 1.2 … 2.5, plainly 0.8 … 1.1; 8²×1280 1.0 and 0.8; 512²×128 1.3 and 0.9.
bool winograd_pays(const Tensor& y, const PackedWeight& weight, const Conv2dOptions& options) {
  if (weight.kernel_h != 3 || weight.kernel_w != 3 || options.stride != 1) return false;
  const WinogradKernels& kernels = winograd_kernels(cpu_device(y), weight.compute);
  if (weight.in_channels < kernels.least_in || weight.out_channels < kernels.least_out) return false;
  if (weight.in_channels % 2 != 0) return false;  // as pairs of bf16 lie
  const std::int64_t tiles = y.dim(0) * tiles_of(y.dim(1), kernels) * tiles_of(y.dim(2), kernels);
  const std::int64_t pixels = y.dim(0) * y.dim(1) * y.dim(2);
  return tiles >= 4 && kernels.products * tiles * 3 <= 9 * pixels * 2;
}

void run_winograd(CpuDevice& device, const WinogradKernels& kernels, const WinogradImages& images,
                  std::int64_t batch, const Panels& w, const Epilogue& out) {
  ThreadPool& threads = device.threads();
  WinogradGroup group{images};
  group.images.tiles_y = tiles_of(images.out_height, kernels);
  group.images.tiles_x = tiles_of(images.out_width, kernels);
  const std::int64_t all = batch * group.images.tiles_y * group.images.tiles_x;
  const std::int64_t blocks = ceil_div(images.channels, kernels.kc);
  const auto number_bytes = static_cast<std::int64_t>(kernels.number_bytes);
  const std::int64_t tile_bytes = kernels.products * blocks * kernels.kc * number_bytes;
  const std::int64_t groups = ceil_div(all, std::max(kernels.most_tiles / 4, kMostV / tile_bytes));
  const std::int64_t largest = ceil_div(all, groups), panels = ceil_div(out.n, kernels.nr * kernels.panels);
  // Output tasks are panels; where those are too few for the threads, also pieces of the group.
  std::int64_t pieces = ceil_div(largest, kernels.most_tiles);
  while (pieces * panels < 3 * threads.size() && largest / (pieces + 1) >= kFewTiles) ++pieces;
  const auto piece_begin = [&](std::int64_t piece) {
    return piece == pieces ? group.tiles
                           : group.tiles * piece / pieces / kernels.tile_step * kernels.tile_step;
  };

  const std::int64_t most_of_piece = ceil_div(largest, pieces) + kernels.tile_step;
  const std::int64_t scratch_floats = ceil_div(kernels.scratch_floats(most_of_piece), 16) * 16;
  Tensor scratch = Tensor::empty(device, DType::kF32, {threads.size(), scratch_floats});
  // Five lines more than full: the streams that the input transform writes then fall into different sets.
  group.v_stride = round_up(largest, kernels.tile_step) * kernels.kc + 5 * 64 / number_bytes;
  Tensor v = Tensor::empty(device, number_bytes == 2 ? DType::kBF16 : DType::kF32,
                           {blocks, kernels.products, group.v_stride});
  const Tensor zeros = Tensor::zeros(device, DType::kF32, {images.channels});
  group.v = v.raw();
  group.images.zeros = zeros.data<float>();
  for (std::int64_t g = 0; g < groups; ++g) {
    group.first = all * g / groups;
    group.tiles = all * (g + 1) / groups - group.first;
    threads.parallel_for(ceil_div(group.tiles, kInputTiles), [&](std::int64_t i, int) {
      kernels.input(group, i * kInputTiles, std::min(group.tiles, (i + 1) * kInputTiles));
    });
    threads.parallel_for(panels * pieces, [&](std::int64_t i, int thread) {
      const std::int64_t begin = piece_begin(i % pieces), end = piece_begin(i % pieces + 1);
      if (begin == end) return;
      kernels.output(group, w, out, i / pieces * kernels.panels, begin, end,
                     scratch.data<float>() + thread * scratch_floats);
    });
  }
}

}  // namespace dq::ops::cpu
