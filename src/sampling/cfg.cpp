#include "sampling/cfg.h"

#include <cmath>
#include <vector>

#include "ops/elementwise.h"

namespace dq::sampling {
namespace {

// The one row of a conditioning, once an image.
Tensor repeat(const Tensor& row, std::int64_t images) {
  if (!row.defined() || row.dim(0) == images) return row;
  const std::vector<Tensor> rows(static_cast<std::size_t>(images), row);
  return ops::concat(rows, 0);
}

ModelWrapper::Conditions conditions_of(const models::Conditioning& text, const Guidance& guidance,
                                       std::int64_t images) {
  return {repeat(text.context, images), repeat(text.pooled, images), guidance.concat, guidance.controls};
}

Tensor join(const Tensor& first, const Tensor& second) {
  return first.defined() ? ops::concat({first, second}, 0) : Tensor{};
}

}  // namespace

GuidedDenoiser::GuidedDenoiser(const ModelWrapper& model, const Guidance& guidance, std::int64_t images)
    : model_(model),
      scale_(guidance.scale),
      two_passes_(std::abs(guidance.scale - 1) > 1e-9 || guidance.keep_uncond),
      keep_uncond_(guidance.keep_uncond),
      prompt_(conditions_of(guidance.prompt, guidance, images)) {
  if (!two_passes_) return;
  negative_ = conditions_of(guidance.negative, guidance, images);
  // Prompts of different length do not fit into one call.
  if (!guidance.one_batch || prompt_.context.shape() != negative_.context.shape()) return;
  joint_ = {join(prompt_.context, negative_.context), join(prompt_.pooled, negative_.pooled),
            join(prompt_.concat, negative_.concat), guidance.controls};
  prompt_ = negative_ = {};
}

Denoised GuidedDenoiser::operator()(const Tensor& x, double sigma) const {
  if (!two_passes_) return {model_(x, sigma, prompt_), {}};
  Tensor with, without;
  if (joint_.context.defined()) {
    const Tensor both = model_(ops::concat({x, x}, 0), sigma, joint_);
    with = both.slice(0, 0, x.dim(0));
    without = both.slice(0, x.dim(0), 2 * x.dim(0));
  } else {
    with = model_(x, sigma, prompt_);
    without = model_(x, sigma, negative_);
  }
  const Tensor guided = ops::combine({{1 - scale_, &without}, {scale_, &with}});
  return {guided, keep_uncond_ ? ops::contiguous(without) : Tensor{}};
}

}  // namespace dq::sampling
