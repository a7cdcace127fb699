// The way back of the norms. With x̂ = (x − μ)/σ, z = w·x̂ + b, y = act(z) and dz = dy·act'(z):
//
//   dw = Σ dz·x̂   db = Σ dz   dx = (w·dz − ⟨w·dz⟩ − x̂·⟨w·dz·x̂⟩)/σ        ⟨⟩: the mean over the group
//
// An image's pixels go in chunks that the shape alone decides; their sums are merged in order.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/backward_loops.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

constexpr std::int64_t kChunkNumbers = 1 << 14;

// Two sums a channel, from chunks of every image's pixels.
class ChunkedSums {
 public:
  ChunkedSums(const Tensor& x)
      : images_(x.dim(0)),
        pixels_(x.dim(1) * x.dim(2)),
        channels_(x.dim(3)),
        size_(std::clamp<std::int64_t>(kChunkNumbers / channels_, 4, 256)),
        chunks_(ceil_div(pixels_, size_)),
        sums_(static_cast<std::size_t>(2 * images_ * chunks_ * channels_)),
        totals_(static_cast<std::size_t>(2 * images_ * channels_)) {}

  // task(chunk, image, first number, pixels)
  template <class Task>
  void each_chunk(ThreadPool& threads, const Task& task) const {
    threads.parallel_for(images_ * chunks_, [&](std::int64_t i, int) {
      const std::int64_t image = i / chunks_, first = i % chunks_ * size_;
      task(i, image, (image * pixels_ + first) * channels_, std::min(size_, pixels_ - first));
    });
  }
  // task(image, first number, pixels, sums, other sums)
  template <class Task>
  void run(ThreadPool& threads, const Task& task) {
    const std::int64_t row = 2 * channels_;
    each_chunk(threads, [&](std::int64_t i, std::int64_t image, std::int64_t at, std::int64_t pixels) {
      double* sums = sums_.data() + i * row;
      std::fill_n(sums, row, 0.0);
      task(image, at, pixels, sums, sums + channels_);
    });
    std::fill(totals_.begin(), totals_.end(), 0.0);
    for (std::int64_t i = 0; i < images_ * chunks_; ++i) {
      double* total = totals_.data() + i / chunks_ * row;
      for (std::int64_t c = 0; c < row; ++c) total[c] += sums_[static_cast<std::size_t>(i * row + c)];
    }
  }
  // The sum over an image's chunks of one of the two.
  double of(std::int64_t image, std::int64_t channel, int which) const {
    return totals_[static_cast<std::size_t>((2 * image + which) * channels_ + channel)];
  }

 private:
  std::int64_t images_, pixels_, channels_, size_, chunks_;
  std::vector<double> sums_, totals_;
};

// [mean | scale | m1 | m2] by image and channel; weights and biases, 1 and 0 when there are none.
struct ChannelMaps {
  std::vector<float> mean, scale, m1, m2, weight, bias;
  ChannelMaps(std::int64_t images, std::int64_t channels, const Affine& affine)
      : mean(static_cast<std::size_t>(images * channels)), scale(mean), m1(mean), m2(mean) {
    weight.assign(static_cast<std::size_t>(channels), 1.0F);
    bias.assign(static_cast<std::size_t>(channels), 0.0F);
    if (affine.weight.defined()) std::copy_n(affine.weight.data<float>(), channels, weight.begin());
    if (affine.bias.defined()) std::copy_n(affine.bias.data<float>(), channels, bias.begin());
  }
  ChannelNorm of(std::int64_t image, std::int64_t channels) const {
    return {mean.data() + image * channels, scale.data() + image * channels, weight.data(), bias.data()};
  }
};

// Mean and 1/σ of every group, from sums around each channel's first pixel.
void fill_moments(const Tensor& x, int groups, float eps, ChunkedSums& sums, ChannelMaps& maps) {
  const std::int64_t channels = x.dim(3), pixels = x.dim(1) * x.dim(2), width = channels / groups;
  const float* data = x.data<float>();
  sums.run(x.device().threads(),
           [&](std::int64_t image, std::int64_t at, std::int64_t count, double* s, double* q) {
             channel_moments(data + at, count, channels, data + image * pixels * channels, s, q);
           });
  const auto count = static_cast<double>(pixels), all = count * static_cast<double>(width);
  for (std::int64_t image = 0; image < x.dim(0); ++image) {
    const float* first = data + image * pixels * channels;
    for (std::int64_t begin = 0; begin < channels; begin += width) {
      double mean = 0, squares = 0;
      for (std::int64_t c = begin; c < begin + width; ++c)
        mean += (first[c] + sums.of(image, c, 0) / count) / static_cast<double>(width);
      for (std::int64_t c = begin; c < begin + width; ++c) {
        const double sum = sums.of(image, c, 0), off = first[c] + sum / count - mean;
        squares += sums.of(image, c, 1) - sum * sum / count + count * off * off;
      }
      const double scale = 1 / std::sqrt(squares / all + static_cast<double>(eps));
      for (std::int64_t c = begin; c < begin + width; ++c) {
        maps.mean[static_cast<std::size_t>(image * channels + c)] = static_cast<float>(mean);
        maps.scale[static_cast<std::size_t>(image * channels + c)] = static_cast<float>(scale);
      }
    }
  }
}

// ⟨w·dz⟩ and ⟨w·dz·x̂⟩ of every group.
void fill_means(const Tensor& x, int groups, const ChunkedSums& sums, ChannelMaps& maps) {
  const std::int64_t channels = x.dim(3), width = channels / groups;
  const auto all = static_cast<double>(x.dim(1) * x.dim(2) * width);
  for (std::int64_t image = 0; image < x.dim(0); ++image) {
    for (std::int64_t begin = 0; begin < channels; begin += width) {
      double m1 = 0, m2 = 0;
      for (std::int64_t c = begin; c < begin + width; ++c) {
        m1 += maps.weight[static_cast<std::size_t>(c)] * sums.of(image, c, 0) / all;
        m2 += maps.weight[static_cast<std::size_t>(c)] * sums.of(image, c, 1) / all;
      }
      std::fill_n(maps.m1.begin() + image * channels + begin, width, static_cast<float>(m1));
      std::fill_n(maps.m2.begin() + image * channels + begin, width, static_cast<float>(m2));
    }
  }
}

void write_sums(const ChunkedSums& sums, std::int64_t images, int which, Tensor* to) {
  if (!to) return;
  for (std::int64_t c = 0; c < to->count(); ++c) {
    double sum = 0;
    for (std::int64_t image = 0; image < images; ++image) sum += sums.of(image, c, which);
    to->data<float>()[c] = static_cast<float>(sum);
  }
}

}  // namespace

void group_norm_gradient(const Tensor& x, int groups, const Affine& affine, float eps, Activation act,
                         const Tensor& dy, const NormGradients& out) {
  const std::int64_t channels = x.dim(3);
  ChunkedSums sums(x);
  ChannelMaps maps(x.dim(0), channels, affine);
  fill_moments(x, groups, eps, sums, maps);
  float* dz = out.dx ? out.dx->data<float>() : nullptr;
  ThreadPool& threads = x.device().threads();
  sums.run(threads,
           [&](std::int64_t image, std::int64_t at, std::int64_t pixels, double* sum, double* product) {
             norm_gradient_sums(x.data<float>() + at, dy.data<float>() + at, pixels, channels,
                                maps.of(image, channels), act, dz ? dz + at : nullptr, sum, product);
           });
  write_sums(sums, x.dim(0), 0, out.dbias);
  write_sums(sums, x.dim(0), 1, out.dweight);
  if (!dz) return;
  fill_means(x, groups, sums, maps);
  sums.each_chunk(threads, [&](std::int64_t, std::int64_t image, std::int64_t at, std::int64_t pixels) {
    norm_gradient_map(x.data<float>() + at, pixels, channels, maps.of(image, channels),
                      maps.m1.data() + image * channels, maps.m2.data() + image * channels, dz + at);
  });
}

void layer_norm_gradient(const Tensor& x, const Affine& affine, float eps, const Tensor& dy,
                         const NormGradients& out) {
  constexpr std::int64_t kRows = 64;
  const std::int64_t width = x.dim(-1), rows = x.count() / width, chunks = ceil_div(rows, kRows);
  std::vector<float> dweight(out.dweight ? static_cast<std::size_t>(chunks * width) : 0);
  std::vector<float> dbias(out.dbias ? static_cast<std::size_t>(chunks * width) : 0);
  x.device().threads().parallel_for(chunks, [&](std::int64_t chunk, int) {
    for (std::int64_t r = chunk * kRows; r < std::min(rows, (chunk + 1) * kRows); ++r) {
      LayerNormRow row{x.data<float>() + r * width, dy.data<float>() + r * width};
      if (affine.weight.defined()) row.weight = affine.weight.data<float>();
      row.width = width;
      row.eps = eps;
      if (out.dx) row.dx = out.dx->data<float>() + r * width;
      if (out.dweight) row.dweight = dweight.data() + chunk * width;
      if (out.dbias) row.dbias = dbias.data() + chunk * width;
      layer_norm_gradient_row(row);
    }
  });
  const auto merge = [&](const std::vector<float>& parts, Tensor* to) {
    if (!to) return;
    std::fill_n(to->data<float>(), width, 0.0F);
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      add_to(parts.data() + chunk * width, to->data<float>(), width);
  };
  merge(dweight, out.dweight);
  merge(dbias, out.dbias);
}

}  // namespace dq::ops::cpu
