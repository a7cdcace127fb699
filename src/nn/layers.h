#pragma once
// Layers with parameters: thin, named as in the checkpoint.
#include "ops/conv2d.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "weights/loader.h"

namespace dq::nn {

// y = x·Wᵀ (+ b). Parameters: weight [out, in] (or [out, in, 1, 1]), bias [out] when `bias`.
class Linear {
 public:
  Linear() = default;
  Linear(const weights::Loader& at, std::int64_t in, std::int64_t out, bool bias = true);

  // x: [..., in] → [..., out]; `residual` is added to the result.
  Tensor operator()(const Tensor& x, ops::Activation act = ops::Activation::kNone,
                    const Tensor* residual = nullptr) const;

 private:
  weights::Weight weight_;
  Tensor bias_;
};

// value·gelu(gate) of one projection to both (ops/linear.h, linear_geglu). Parameters: weight [2·out, in],
// bias [2·out].
class GegluLinear {
 public:
  GegluLinear() = default;
  GegluLinear(const weights::Loader& at, std::int64_t in, std::int64_t out);
  Tensor operator()(const Tensor& x) const;  // [..., in] → [..., out]

 private:
  weights::Weight weight_;
  Tensor bias_;
};

// Several projections of one input in a single product; the parts come back as views of it.
class StackedLinear {
 public:
  StackedLinear() = default;
  StackedLinear(const weights::Loader& at, std::initializer_list<std::string> names, std::int64_t in,
                std::int64_t out_each, bool bias);

  // x: [N, T, in] → one [N, T, out_each] view for each name.
  std::vector<Tensor> operator()(const Tensor& x) const;

 private:
  weights::Weight weight_;
  std::vector<Tensor> biases_;  // one a part, or all in one
  std::int64_t out_each_ = 0;
  std::size_t parts_ = 0;
};

// Convolution. Parameters: weight [out, in, kernel, kernel], bias [out].
class Conv2d {
 public:
  Conv2d() = default;
  // Pads kernel/2 on every side.
  Conv2d(const weights::Loader& at, std::int64_t in, std::int64_t out, int kernel, int stride = 1);

  // x: [N, H, W, in]. The options' bias, stride and padding are filled in here.
  Tensor operator()(const Tensor& x, ops::Conv2dOptions options = {}) const;
  // Stride 2 after padding only right and below (the VAE's down-sampling).
  Tensor padded_right_below(const Tensor& x) const;

 private:
  Tensor run(const Tensor& x, const ops::Conv2dOptions& options) const;

  weights::Weight weight_;
  Tensor bias_;
  int kernel_ = 1, stride_ = 1;
};

}  // namespace dq::nn
