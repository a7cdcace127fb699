#include "sampling/noise.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/error.h"
#include "sampling/torch_generator.h"

namespace dq::sampling {

class SeededNoise::Stream {
 public:
  explicit Stream(TorchCpuGenerator generator) : generator_(std::move(generator)) {}
  explicit Stream(PhiloxGenerator generator) : generator_(std::move(generator)) {}

  void randn(std::span<float> out) {
    std::visit([&](auto& generator) { generator.randn(out); }, generator_);
  }

 private:
  std::variant<TorchCpuGenerator, PhiloxGenerator> generator_;
};

NoiseOptions NoiseOptions::whole_batch(std::uint64_t seed, NoiseStream step) {
  NoiseOptions options;
  options.seed = seed;
  options.step = step;
  options.step_seed_offset = step == NoiseStream::kCpu ? 1 : 0;
  return options;
}

NoiseOptions NoiseOptions::by_image(std::uint64_t seed, NoiseStream source) {
  NoiseOptions options;
  options.seed = seed;
  options.per_image = true;
  options.initial = options.step = source;
  return options;
}

SeededNoise::SeededNoise(NoiseOptions options, Device& device) : options_(options), device_(device) {}
SeededNoise::~SeededNoise() = default;

std::unique_ptr<SeededNoise::Stream> SeededNoise::stream(NoiseStream kind, std::uint64_t seed) const {
  if (kind == NoiseStream::kCuda) return std::make_unique<Stream>(PhiloxGenerator(seed, options_.gpu));
  return std::make_unique<Stream>(TorchCpuGenerator(seed));
}

std::vector<std::unique_ptr<SeededNoise::Stream>> SeededNoise::streams(NoiseStream kind, std::uint64_t offset,
                                                                       std::int64_t images) const {
  std::vector<std::unique_ptr<Stream>> result;
  const std::int64_t count = options_.per_image ? images : 1;
  for (std::int64_t i = 0; i < count; ++i) {
    result.push_back(stream(kind, options_.seed + offset + static_cast<std::uint64_t>(i)));
  }
  return result;
}

Tensor SeededNoise::draw(std::span<const std::unique_ptr<Stream>> from, const Shape& shape) const {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  const std::size_t each = values.size() / from.size();
  for (std::size_t i = 0; i < from.size(); ++i) from[i]->randn(std::span(values).subspan(i * each, each));
  return Tensor::from(device_, values, shape);
}

Tensor SeededNoise::initial(const Shape& shape) {
  if (shape.size() != 4 || element_count(shape) <= 0) {
    throw Error(ErrorCode::kInternal,
                "noise is asked for in shape " + to_string(shape) + ", not [N, C, h, w]");
  }
  initial_ = streams(options_.initial, 0, shape[0]);
  return draw(initial_, shape);
}

Tensor SeededNoise::fresh_mask_noise(const Shape& shape) const {
  std::vector<std::unique_ptr<Stream>> one;
  one.push_back(stream(NoiseStream::kCpu, options_.seed + 1));
  return draw(one, shape);
}

void SeededNoise::begin(NoiseKind kind, const Shape& shape, std::span<const double> sigmas) {
  kind_ = kind;
  shape_ = shape;
  step_.clear();
  trees_.clear();
  if (kind == NoiseKind::kBrownian) return plant_trees(sigmas);
  if (kind == NoiseKind::kNone) return;
  if (!options_.per_image) {
    step_ = streams(options_.step, options_.step_seed_offset, shape[0]);
  } else if (options_.eta_seed_delta != 0) {
    step_ = streams(options_.step, options_.eta_seed_delta, shape[0]);
  }
}

void SeededNoise::plant_trees(std::span<const double> sigmas) {
  double low = 0, high = 0;
  for (const double sigma : sigmas) {
    high = std::max(high, sigma);
    if (sigma > 0 && (low == 0 || sigma < low)) low = sigma;
  }
  if (!(low < high)) return;  // a single step down to 0: no noise will be asked for
  const NoiseStream source = options_.step;
  const SeededRandn randn = [this, source](std::uint64_t seed, std::span<float> out) {
    stream(source, seed)->randn(out);
  };
  const std::int64_t images = options_.per_image ? shape_[0] : 1;
  const auto each = static_cast<std::size_t>(element_count(shape_) / images);
  for (std::int64_t i = 0; i < images; ++i) {
    trees_.emplace_back(low, high, each, options_.seed + static_cast<std::uint64_t>(i), randn);
  }
}

Tensor SeededNoise::step(double sigma, double sigma_next) {
  if (kind_ == NoiseKind::kIndependent) {
    // Per image, the generators of the initial noise go on.
    if (step_.empty() && initial_.empty()) initial_ = streams(options_.step, 0, shape_[0]);
    return draw(step_.empty() ? initial_ : step_, shape_);
  }
  if (kind_ != NoiseKind::kBrownian || trees_.empty()) {
    throw Error(ErrorCode::kInternal, "step noise is asked for where none was announced");
  }
  // Times are float, and the increment has unit variance after division by √|Δσ|. A step from high to low
  // noise is the increment read backwards, hence the sign.
  const auto from = static_cast<float>(sigma), to = static_cast<float>(sigma_next);
  const float sign = from < to ? 1.0F : -1.0F;
  const float length = std::sqrt(std::abs(to - from));
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(element_count(shape_)));
  for (BrownianTree& tree : trees_) {
    for (const float w : tree(std::min(from, to), std::max(from, to))) values.push_back(w * sign / length);
  }
  return Tensor::from(device_, values, shape_);
}

Tensor SeededNoise::churn() {
  if (initial_.empty()) initial_ = streams(options_.initial, 0, shape_[0]);
  return draw(initial_, shape_);
}

}  // namespace dq::sampling
