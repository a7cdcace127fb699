// Normalisations. group_norm reads x twice: once in chunks of pixels for the moments (each chunk stays in the
// cache for both of its passes), once to write y. Chunks depend on the shape alone and are merged in order,
// so the result is the same with any number of threads.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/cpu/kernels.h"
#include "ops/cpu/norm_kernels.h"

namespace dq::ops::cpu {
namespace {

// Numbers a task reads: 64 KB.
constexpr std::int64_t kTaskNumbers = 1 << 14;

struct Moments {
  double mean = 0, squares = 0;  // squares: Σ(x − mean)²
};

std::int64_t padded(std::int64_t channels) {
  return (channels + 15) / 16 * 16;
}

// An image's pixels in chunks.
struct Chunks {
  std::int64_t pixels, size, count;
  Chunks(std::int64_t all, std::int64_t channels)
      : pixels(all),
        size(std::clamp<std::int64_t>(kTaskNumbers / channels, 4, 256)),
        count((all + size - 1) / size) {}
  std::int64_t length(std::int64_t i) const { return std::min(size, pixels - i * size); }
};

// Channel sums over `pixels` pixels → one group's moments; `width` channels start at `first`.
Moments group_moments(const ChannelSums& s, std::int64_t first, std::int64_t width, std::int64_t pixels) {
  const double share = 1.0 / static_cast<double>(pixels);
  Moments m;
  for (std::int64_t c = first; c < first + width; ++c) m.mean += s.rough_mean[c] + s.first[c] * share;
  m.mean /= static_cast<double>(width);
  for (std::int64_t c = first; c < first + width; ++c) {
    const double off = s.rough_mean[c] + s.first[c] * share - m.mean;
    m.squares += s.second[c] - s.first[c] * (s.first[c] * share) + static_cast<double>(pixels) * off * off;
  }
  return m;
}

// Moments of a whole group from those of its chunks (Chan et al. 1983), `stride` apart.
Moments merge(const Moments* parts, std::int64_t stride, const Chunks& chunks, std::int64_t width) {
  Moments all;
  for (std::int64_t i = 0; i < chunks.count; ++i) {
    all.mean += parts[i * stride].mean * static_cast<double>(chunks.length(i));
  }
  all.mean /= static_cast<double>(chunks.pixels);
  for (std::int64_t i = 0; i < chunks.count; ++i) {
    const double off = parts[i * stride].mean - all.mean;
    all.squares += parts[i * stride].squares + static_cast<double>(chunks.length(i) * width) * off * off;
  }
  return all;
}

// The map of one image: [mean | scale | shift] by channel. The mean is cut to f32; what is cut off goes into
// the shift.
void channel_map(const Moments* parts, const Chunks& chunks, std::int64_t groups, std::int64_t width,
                 const Affine& affine, float eps, float* map) {
  const std::int64_t row = padded(groups * width);
  for (std::int64_t g = 0; g < groups; ++g) {
    const Moments m = merge(parts + g, groups, chunks, width);
    const double inverse = 1 / std::sqrt(m.squares / static_cast<double>(chunks.pixels * width) + eps);
    const auto mean = static_cast<float>(m.mean);
    for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
      const double scale = inverse * (affine.weight.defined() ? affine.weight.data<float>()[c] : 1.0F);
      const double bias = affine.bias.defined() ? affine.bias.data<float>()[c] : 0.0F;
      map[c] = mean;
      map[row + c] = static_cast<float>(scale);
      map[2 * row + c] = static_cast<float>(bias - (m.mean - mean) * scale);
    }
  }
}

}  // namespace

const NormKernels& norm_kernels(KernelSet set) {
  switch (vectors_of(set)) {
    case VectorSet::kAvx2:
      return kNormAvx2;
    case VectorSet::kAvx512:
      return kNormAvx512;
    case VectorSet::kEmulated512:
      return kNormEmulated512;
  }
  return kNormAvx2;
}

void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y) {
  const NormKernels& kernels = norm_kernels(cpu_device(y).kernel_set());
  ThreadPool& threads = y.device().threads();
  const std::int64_t images = x.dim(0), channels = x.dim(3), width = channels / groups,
                     row = padded(channels);
  const Chunks chunks(x.dim(1) * x.dim(2), channels);
  const auto at = [&](std::int64_t task) {
    return (task / chunks.count * chunks.pixels + task % chunks.count * chunks.size) * channels;
  };
  std::vector<Moments> parts(static_cast<std::size_t>(images * chunks.count * groups));
  std::vector<float> scratch(static_cast<std::size_t>(threads.size() * 3 * row));
  threads.parallel_for(images * chunks.count, [&](std::int64_t task, int thread) {
    float* mine = scratch.data() + thread * 3 * row;
    const ChannelSums sums{mine, mine + row, mine + 2 * row};
    const std::int64_t pixels = chunks.length(task % chunks.count);
    kernels.sum_channels(x.data<float>() + at(task), pixels, channels, sums);
    for (std::int64_t g = 0; g < groups; ++g) {
      parts[static_cast<std::size_t>(task * groups + g)] = group_moments(sums, g * width, width, pixels);
    }
  });
  std::vector<float> maps(static_cast<std::size_t>(images * 3 * row));
  for (std::int64_t i = 0; i < images; ++i) {
    channel_map(parts.data() + i * chunks.count * groups, chunks, groups, width, affine, eps,
                maps.data() + i * 3 * row);
  }
  threads.parallel_for(images * chunks.count, [&](std::int64_t task, int) {
    const float* map = maps.data() + task / chunks.count * 3 * row;
    kernels.map_channels(x.data<float>() + at(task), chunks.length(task % chunks.count), channels,
                         {map, map + row, map + 2 * row}, act, y.data<float>() + at(task));
  });
}

void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y) {
  const NormKernels& kernels = norm_kernels(cpu_device(y).kernel_set());
  const std::int64_t width = x.dim(-1), rows = x.count() / width;
  const std::int64_t per_task = std::max<std::int64_t>(1, kTaskNumbers / width);
  const std::vector<float> ones(affine.weight.defined() ? 0 : static_cast<std::size_t>(width), 1.0F);
  const std::vector<float> zeros(affine.bias.defined() ? 0 : static_cast<std::size_t>(width), 0.0F);
  const float* weight = affine.weight.defined() ? affine.weight.data<float>() : ones.data();
  const float* bias = affine.bias.defined() ? affine.bias.data<float>() : zeros.data();
  y.device().threads().parallel_for((rows + per_task - 1) / per_task, [&](std::int64_t task, int) {
    for (std::int64_t r = task * per_task; r < std::min(rows, (task + 1) * per_task); ++r) {
      kernels.layer_norm(x.data<float>() + r * width, width, weight, bias, eps, y.data<float>() + r * width);
    }
  });
}

void activate(const Tensor& x, Activation act, Tensor& y) {
  const NormKernels& kernels = norm_kernels(cpu_device(y).kernel_set());
  const std::int64_t count = y.count();
  y.device().threads().parallel_for((count + kTaskNumbers - 1) / kTaskNumbers, [&](std::int64_t task, int) {
    const std::int64_t begin = task * kTaskNumbers;
    kernels.activate(x.data<float>() + begin, std::min(kTaskNumbers, count - begin), act,
                     y.data<float>() + begin);
  });
}

}  // namespace dq::ops::cpu
