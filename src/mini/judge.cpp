#include "mini/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"

namespace dq::mini {
namespace {

// Output channels of the stages; each halves the sides: 128 → 4.
constexpr std::array<std::int64_t, 5> kWidths{24, 48, 96, 128, 128};
constexpr int kGroups = 8, kLastSide = 4;
constexpr std::int64_t kInner = 192, kFeatures = kLastSide * kLastSide * kWidths.back();
constexpr float kEps = 1e-5f;

}  // namespace

Judge::Judge(const weights::TensorTable& table, Device& device, weights::Purpose purpose) : device_(device) {
  const weights::Loader at(table, device, "the judge", purpose);
  std::int64_t channels = 3;
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    const weights::Loader stage = at.at(fmt::format("stage.{}", i));
    stages_.push_back(
        {nn::Conv2d(stage.at("conv"), channels, kWidths[i], 3, 2), stage.affine("norm", kWidths[i])});
    channels = kWidths[i];
  }
  inner_ = nn::Linear(at.at("inner"), kFeatures, kInner);
  const std::int64_t concepts = std::max<std::int64_t>(table.dim("last.weight", 0), 1);
  last_ = nn::Linear(at.at("last"), kInner, concepts);
  at.finish();
  concepts_ = static_cast<int>(concepts);
  parameters_ = at.parameters();
}

Tensor Judge::logits(const Tensor& images) const {
  if (images.rank() != 4 || images.dim(1) != kSide || images.dim(2) != kSide || images.dim(3) != 3) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the judge looks at [N, 128, 128, 3], not {}", to_string(images.shape())));
  }
  Tensor h = images;
  for (const Stage& stage : stages_)
    h = ops::group_norm(stage.conv(h), kGroups, stage.norm, kEps, ops::Activation::kSilu);
  return last_(inner_(h.reshape({h.dim(0), kFeatures}), ops::Activation::kSilu));
}

std::vector<std::vector<double>> Judge::probabilities(const std::vector<media::Image>& pictures) const {
  const ops::RecordingScope quiet(device_, false);
  std::vector<std::vector<double>> out;
  for (const media::Image& picture : pictures) {
    const Tensor made = logits(media::to_tensor(device_, picture));
    const std::span<const float> x(made.data<float>(), static_cast<std::size_t>(made.count()));
    const float top = *std::max_element(x.begin(), x.end());
    std::vector<double>& p = out.emplace_back();
    double sum = 0;
    for (const float v : x) sum += p.emplace_back(std::exp(static_cast<double>(v - top)));
    for (double& v : p) v /= sum;
  }
  return out;
}

Verdict Judge::verdict(const media::Image& picture, int wanted, const std::vector<int>& among) const {
  const std::vector<double> p = probabilities({picture})[0];
  const double own = p[static_cast<std::size_t>(wanted)];
  const auto before = std::count_if(among.begin(), among.end(),
                                    [&](int id) { return p[static_cast<std::size_t>(id)] > own; });
  return {before == 0, before < 5, *std::max_element(p.begin(), p.end()) == own};
}

void write_judge_shapes(const std::filesystem::path& file, int concepts, Device& device) {
  std::vector<files::TensorToWrite> tensors;
  const auto add = [&](std::string name, Shape shape) {
    tensors.push_back(files::to_write(std::move(name), Tensor::zeros(device, DType::kF32, std::move(shape))));
  };
  std::int64_t channels = 3;
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    const std::string stage = fmt::format("stage.{}.", i);
    add(stage + "conv.weight", {kWidths[i], channels, 3, 3});
    for (const char* name : {"conv.bias", "norm.weight", "norm.bias"}) add(stage + name, {kWidths[i]});
    channels = kWidths[i];
  }
  add("inner.weight", {kInner, kFeatures});
  add("inner.bias", {kInner});
  add("last.weight", {concepts, kInner});
  add("last.bias", {concepts});
  files::write_safetensors(file, std::move(tensors));
}

void write_judge(const std::filesystem::path& file, const Judge& judge) {
  std::vector<files::TensorToWrite> tensors;
  for (const auto& [name, parameter] : judge.parameters())
    tensors.push_back(files::to_write(name, ops::convert(parameter->value.detached(), DType::kF16)));
  files::write_safetensors(file, std::move(tensors));
}

}  // namespace dq::mini
