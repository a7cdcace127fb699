#pragma once
// Where the random numbers of a picture come from: the noise it starts from, what stochastic samplers add,
// and what "churn" adds. Programs differ in how one seed becomes many tensors; a seed is only repeatable
// together with these rules.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sampling/brownian_tree.h"
#include "sampling/philox_generator.h"
#include "tensor/tensor.h"

namespace dq::sampling {

enum class NoiseKind : std::uint8_t {
  kNone,         // the sampler is deterministic
  kIndependent,  // fresh numbers each time
  kBrownian,     // increments of one Brownian motion over σ, so that more steps refine the same picture
};

enum class NoiseStream : std::uint8_t {
  kCpu,   // torch's CPU generator
  kCuda,  // torch's CUDA generator, computed here
};

struct NoiseOptions {
  std::uint64_t seed = 0;
  // false: one generator fills the whole batch (ComfyUI; picture i is the continuation of the stream).
  // true: picture i has a generator of its own with seed + i (WebUI), which goes on after the initial noise.
  bool per_image = false;
  NoiseStream initial = NoiseStream::kCpu;
  NoiseStream step = NoiseStream::kCpu;
  // Whole batch only: step noise comes from a new generator with seed + this. ComfyUI on a CPU adds 1, so
  // that step noise does not repeat the initial noise; with CUDA step noise it adds 0.
  std::uint64_t step_seed_offset = 1;
  // Per image only: WebUI's "eta noise seed delta"; when not 0, step noise restarts from seed + i + delta.
  std::uint64_t eta_seed_delta = 0;
  GpuThreads gpu;

  // As ComfyUI draws noise when it runs on a CPU, or on an NVIDIA card.
  static NoiseOptions whole_batch(std::uint64_t seed, NoiseStream step = NoiseStream::kCpu);
  // As WebUI does, with its setting "random number generator source".
  static NoiseOptions by_image(std::uint64_t seed, NoiseStream source);
};

// What a sampler asks for noise. All tensors are [N, C, h, w] f32, of unit variance.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;
  // Called once before the first step, with the shape of x and the noise levels to come.
  virtual void begin(NoiseKind kind, const Shape& shape, std::span<const double> sigmas) = 0;
  // The noise to add on the way from sigma to sigma_next.
  virtual Tensor step(double sigma, double sigma_next) = 0;
  // Extra noise of samplers with s_churn > 0.
  virtual Tensor churn() = 0;
};

class SeededNoise : public NoiseSource {
 public:
  SeededNoise(NoiseOptions options, Device& device);
  ~SeededNoise() override;

  // The noise a picture starts from. Called once, before sampling.
  Tensor initial(const Shape& shape);
  // The whole batch from a fresh CPU generator with seed + 1: what "ddim" puts under a mask in ComfyUI.
  Tensor fresh_mask_noise(const Shape& shape) const;

  void begin(NoiseKind kind, const Shape& shape, std::span<const double> sigmas) override;
  Tensor step(double sigma, double sigma_next) override;
  Tensor churn() override;

 private:
  class Stream;
  std::unique_ptr<Stream> stream(NoiseStream kind, std::uint64_t seed) const;
  std::vector<std::unique_ptr<Stream>> streams(NoiseStream kind, std::uint64_t offset,
                                               std::int64_t images) const;
  Tensor draw(std::span<const std::unique_ptr<Stream>> from, const Shape& shape) const;
  void plant_trees(std::span<const double> sigmas);

  NoiseOptions options_;
  Device& device_;
  NoiseKind kind_ = NoiseKind::kNone;
  Shape shape_;
  std::vector<std::unique_ptr<Stream>> initial_, step_;  // one for the batch, or one an image
  std::vector<BrownianTree> trees_;
};

}  // namespace dq::sampling
