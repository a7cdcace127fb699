// A block that runs twice does not compute again what costs much for the room it takes; what it gives and its
// gradients stay what they are, bit for bit.
#include "ops/first_run.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "grad/checkpoint.h"
#include "grad/op_cases.h"
#include "grad/tape.h"
#include "ops/all_devices.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace dq::test {
namespace {

using Runner = Tensor (*)(Device&, const grad::Block&, std::vector<Tensor>);

// What a block gives, the gradients of its input and its leaves, and what all of it cost.
struct Outcome {
  Inputs tensors;
  double flops = 0;
};

class Blocks {
 public:
  explicit Blocks(Device& device) : device_(device) {}

  // Layers of `channels`, with narrow pairs beside them, and attention over `tokens`.
  Outcome transformer(Runner around, std::int64_t channels, std::int64_t tokens) {
    const Tensor x = leaf({1, tokens, channels}), down = leaf({3, channels}), up = leaf({128, 3}),
                 up_64 = leaf({64, 3});
    const Tensor bias = leaf({64}), wide = random({128, channels}), narrow = random({64, channels});
    const grad::Block block = [&](const std::vector<Tensor>& in) {
      const Tensor q = ops::linear(in[0], packed(narrow), {.bias = &bias, .low_rank = {down, up_64}});
      const Tensor k = ops::linear(in[0], packed(narrow),
                                   {.bias = &bias, .act = ops::Activation::kSilu, .low_rank = {down, up_64}});
      const Tensor v = ops::linear_geglu(in[0], packed(wide), nullptr, {down, up});
      const grad::Block inner = [](const std::vector<Tensor>& qkv) {
        return ops::attention(qkv[0], qkv[1], qkv[2], {.heads = 2});
      };
      return ops::add(grad::checkpoint(device_, inner, {q, k, v}), k);
    };
    return run(around, block, x, {down, up, up_64, bias});
  }

  Outcome convolutions(Runner around, std::int64_t channels) {
    const Tensor x = leaf({1, 5, 6, channels}), w = random({9, channels, 3, 3}), bias = leaf({9});
    const grad::Block block = [&](const std::vector<Tensor>& in) {
      const Tensor small = ops::conv2d(
          in[0], packed(w),
          {.bias = &bias, .stride = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1});
      const Tensor large =
          ops::conv2d(in[0], packed(w),
                      {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1, .upsample_input = true});
      return ops::concat({small.reshape({1, -1}), large.reshape({1, -1})}, 1);
    };
    return run(around, block, x, {bias});
  }

 private:
  Tensor random(Shape shape) {
    return random_as(device_, DType::kF32, std::move(shape), ++seed_, -0.3F, 0.3F);
  }
  Tensor leaf(Shape shape) {
    Tensor x = random(std::move(shape));
    ask_gradient(x);
    return x;
  }
  ops::PackedWeight packed(const Tensor& matrix) {
    ops::PackedWeight out = ops::pack_weight(device_, matrix, device_.precision());
    out.source = matrix;
    return out;
  }
  Outcome run(Runner around, const grad::Block& block, const Tensor& x, const Inputs& leaves) {
    const double before = device_.flops();
    const Tensor y = around(device_, block, {x});
    grad::backward(y, random(y.shape()));
    Outcome out{{y.detached(), grad::gradient(x)}, device_.flops() - before};
    for (const Tensor& each : leaves) out.tensors.push_back(grad::gradient(each));
    return out;
  }

  Device& device_;
  std::uint64_t seed_ = 0;
};

void expect_same(const Outcome& a, const Outcome& b, const std::string& name) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i)
    EXPECT_EQ(largest_difference(a.tensors[i], b.tensors[i]), 0) << name << " " << i;
}

std::vector<NamedDevice> devices() {
  std::vector<NamedDevice> out = all_cpu_devices();
  for (NamedDevice& more : all_cpu_devices(2, Precision::kBF16)) out.push_back(std::move(more));
  return out;
}

TEST(FirstRun, WideLayersAreComputedOnce) {
  for (const auto& [name, device] : devices()) {
    const Outcome once = Blocks(*device).transformer(grad::bounded, 640, 320),
                  twice = Blocks(*device).transformer(grad::checkpoint, 640, 320);
    expect_same(once, twice, name);
    EXPECT_EQ(once.flops, twice.flops) << name;
  }
}

TEST(FirstRun, WideConvolutionsAreComputedOnce) {
  for (const auto& [name, device] : devices()) {
    const Outcome once = Blocks(*device).convolutions(grad::bounded, 80),
                  twice = Blocks(*device).convolutions(grad::checkpoint, 80);
    expect_same(once, twice, name);
    EXPECT_EQ(once.flops, twice.flops) << name;
  }
}

TEST(FirstRun, WhatCostsLittleIsComputedAgain) {
  for (const auto& [name, device] : devices()) {
    const Outcome once = Blocks(*device).transformer(grad::bounded, 32, 20),
                  twice = Blocks(*device).transformer(grad::checkpoint, 32, 20);
    expect_same(once, twice, name);
    EXPECT_GT(twice.flops, 1.2 * once.flops) << name;
    const Outcome conv_once = Blocks(*device).convolutions(grad::bounded, 8),
                  conv_twice = Blocks(*device).convolutions(grad::checkpoint, 8);
    expect_same(conv_once, conv_twice, name);
    EXPECT_GT(conv_twice.flops, 1.2 * conv_once.flops) << name;
  }
}

// What was kept goes with the way back.
TEST(FirstRun, NothingStays) {
  const auto device = ops::make_cpu_device();
  const std::int64_t before = device->memory().now;
  Blocks(*device).transformer(grad::checkpoint, 640, 320);
  Blocks(*device).convolutions(grad::checkpoint, 80);
  EXPECT_EQ(device->memory().now, before);
}

TEST(FirstRun, ABlockThatDoesSomethingElseIsToldSo) {
  ops::FirstRun run;
  run.end();
  EXPECT_THROW(run.take(1), Error);
}

}  // namespace
}  // namespace dq::test
