#include "nn/layers.h"

#include <algorithm>

#include "ops/elementwise.h"

namespace dq::nn {

using weights::Loader;

Linear::Linear(const Loader& at, std::int64_t in, std::int64_t out, bool bias)
    : weight_(at.linear("weight", out, in)) {
  if (bias) bias_ = at.vector("bias", {out});
}

Tensor Linear::operator()(const Tensor& x, ops::Activation act, const Tensor* residual) const {
  ops::LinearOptions options;
  options.bias = bias_.defined() ? &bias_ : nullptr;
  options.act = act;
  options.residual = residual;
  options.low_rank = weight_.low_rank();
  return ops::linear(x, weight_.packed(), options);
}

GegluLinear::GegluLinear(const Loader& at, std::int64_t in, std::int64_t out)
    : weight_(at.linear("weight", 2 * out, in)), bias_(at.vector("bias", {2 * out})) {}

Tensor GegluLinear::operator()(const Tensor& x) const {
  return ops::linear_geglu(x, weight_.packed(), &bias_, weight_.low_rank());
}

StackedLinear::StackedLinear(const Loader& at, std::initializer_list<std::string> names, std::int64_t in,
                             std::int64_t out_each, bool bias)
    : out_each_(out_each), parts_(names.size()) {
  std::vector<std::string> matrices;
  for (const std::string& name : names) {
    matrices.push_back(name + ".weight");
    if (bias) biases_.push_back(at.vector(name + ".bias", {out_each}));
  }
  weight_ = at.stacked(matrices, out_each, in);
  // Biases that are trained change from use to use: then they are joined there.
  const bool trained =
      std::any_of(biases_.begin(), biases_.end(), [](const Tensor& b) { return b.grad_node() != nullptr; });
  if (bias && !trained) biases_ = {ops::concat(biases_, 0)};
}

std::vector<Tensor> StackedLinear::operator()(const Tensor& x) const {
  ops::LinearOptions options;
  const Tensor bias = biases_.size() > 1 ? ops::concat(biases_, 0) : biases_.empty() ? Tensor() : biases_[0];
  options.bias = bias.defined() ? &bias : nullptr;
  options.low_rank = weight_.low_rank();
  const Tensor all = ops::linear(x, weight_.packed(), options);
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < parts_; ++i) {
    const auto begin = static_cast<std::int64_t>(i) * out_each_;
    parts.push_back(all.slice(-1, begin, begin + out_each_));
  }
  return parts;
}

Conv2d::Conv2d(const Loader& at, std::int64_t in, std::int64_t out, int kernel, int stride)
    : weight_(at.conv2d("weight", out, in, kernel)),
      bias_(at.vector("bias", {out})),
      kernel_(kernel),
      stride_(stride) {}

Tensor Conv2d::operator()(const Tensor& x, ops::Conv2dOptions options) const {
  options.bias = &bias_;
  options.stride = stride_;
  options.pad_top = options.pad_left = options.pad_bottom = options.pad_right = kernel_ / 2;
  return run(x, options);
}

Tensor Conv2d::padded_right_below(const Tensor& x) const {
  ops::Conv2dOptions options;
  options.bias = &bias_;
  options.stride = 2;
  options.pad_bottom = options.pad_right = 1;
  return run(x, options);
}

Tensor Conv2d::run(const Tensor& x, const ops::Conv2dOptions& options) const {
  const Tensor y = ops::conv2d(x, weight_.packed(), options);
  return weight_.side(x, y, options);
}

}  // namespace dq::nn
