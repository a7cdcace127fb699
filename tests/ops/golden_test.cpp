// The reference against PyTorch's operators (tests/golden/make_ops.py), so that the truth is true; and each
// kernel set against the same numbers.
#include <gtest/gtest.h>

#include "files/safetensors.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/upsample.h"
#include "support/golden.h"

namespace dq {
namespace {

constexpr double kTolerance = 2e-6;  // a few roundings of f32

class OpsGolden : public testing::TestWithParam<const char*> {
 protected:
  OpsGolden() : source_(files::open_weights(test::golden_path("ops.safetensors"))) {
    device_ =
        std::string_view(GetParam()) == "ref" ? ops::make_ref_device() : ops::make_cpu_device({.threads = 2});
  }
  Tensor get(const std::string& name) { return test::golden(*source_, name, *device_); }
  void expect(const Tensor& y, const std::string& name) {
    EXPECT_EQ(y.shape(), get(name).shape()) << name;
    EXPECT_LT(test::relative_error(y, get(name)), kTolerance) << name;
  }

  std::shared_ptr<const files::WeightSource> source_;
  std::unique_ptr<Device> device_;
};

TEST_P(OpsGolden, Linear) {
  const Tensor bias = get("linear.b"), residual = get("linear.r");
  const auto weight = ops::pack_linear(*device_, get("linear.w"), Precision::kF32);
  expect(ops::linear(get("linear.x"), weight, {.bias = &bias, .residual = &residual}), "linear.y");
  expect(ops::linear(get("linear.x"), weight, {.bias = &bias, .act = ops::Activation::kQuickGelu}),
         "linear_quick_gelu.y");
}

TEST_P(OpsGolden, LinearGeglu) {
  const Tensor bias = get("geglu.b");
  const auto weight = ops::pack_linear(*device_, get("geglu.w"), Precision::kF32);
  expect(ops::linear_geglu(get("geglu.x"), weight, &bias), "geglu.y");
}

TEST_P(OpsGolden, Conv2d) {
  const auto check = [&](const std::string& name, int stride, int top, int left, int bottom, int right) {
    const Tensor bias = get(name + ".b");
    const auto weight = ops::pack_conv2d(*device_, get(name + ".w"), Precision::kF32);
    ops::Conv2dOptions options{.bias = &bias, .stride = stride};
    options.pad_top = top;
    options.pad_left = left;
    options.pad_bottom = bottom;
    options.pad_right = right;
    expect(ops::conv2d(get(name + ".x"), weight, options), name + ".y");
  };
  check("conv3x3", 1, 1, 1, 1, 1);
  check("conv3x3_down", 2, 0, 0, 1, 1);
  check("conv3x3_stride2", 2, 1, 1, 1, 1);
  check("conv1x1", 1, 0, 0, 0, 0);
  check("conv_uneven", 3, 1, 2, 3, 0);
}

TEST_P(OpsGolden, Conv2dOfAnEnlargedImage) {
  const auto weight = ops::pack_conv2d(*device_, get("conv_upsampled.w"), Precision::kF32);
  ops::Conv2dOptions options{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  options.upsample_input = true;
  expect(ops::conv2d(get("conv_upsampled.x"), weight, options), "conv_upsampled.y");
}

TEST_P(OpsGolden, Norms) {
  const ops::Affine affine{get("group_norm.w"), get("group_norm.b")};
  expect(ops::group_norm(get("group_norm.x"), 4, affine, 1e-5F), "group_norm.y");
  expect(ops::group_norm(get("group_norm.x"), 4, affine, 1e-5F, ops::Activation::kSilu), "group_norm.silu");
  expect(ops::layer_norm(get("layer_norm.x"), {get("layer_norm.w"), get("layer_norm.b")}, 1e-5F),
         "layer_norm.y");
}

TEST_P(OpsGolden, GroupNormFarFromZero) {
  const Tensor y = ops::group_norm(get("group_norm_far.x"), 2, {}, 1e-6F);
  EXPECT_LT(test::relative_error(y, get("group_norm_far.y")), 1e-6);
}

TEST_P(OpsGolden, Activations) {
  const Tensor x = get("activation.x");
  expect(ops::activate(x, ops::Activation::kSilu), "activation.silu");
  expect(ops::activate(x, ops::Activation::kGelu), "activation.gelu");
  expect(ops::activate(x, ops::Activation::kGeluTanh), "activation.gelu_tanh");
  expect(ops::activate(x, ops::Activation::kQuickGelu), "activation.quick_gelu");
}

TEST_P(OpsGolden, Attention) {
  const Tensor q = get("attention.q"), k = get("attention.k"), v = get("attention.v");
  expect(ops::attention(q, k, v, {.heads = 3}), "attention.y");
  const Tensor bias = get("attention_bias.bias");
  expect(ops::attention(q, k, v, {.heads = 3, .scale = 0.7F, .bias = &bias}), "attention_bias.y");
  const Tensor x = get("attention_causal.x");
  expect(ops::attention(x, x, x, {.heads = 2, .causal = true}), "attention_causal.y");
}

TEST_P(OpsGolden, UpsampleNearest) {
  const Tensor x = get("upsample.x");
  for (const auto& [height, width] : {std::pair{10, 14}, {11, 9}, {5, 7}, {3, 23}}) {
    const std::string name = "upsample_" + std::to_string(height) + "x" + std::to_string(width) + ".y";
    EXPECT_EQ(test::relative_error(ops::upsample_nearest(x, height, width), get(name)), 0) << name;
  }
  const Tensor rows = ops::upsample_nearest(get("upsample_ratio.x"), 115, 1);
  EXPECT_EQ(test::relative_error(rows, get("upsample_ratio.y")), 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, OpsGolden, testing::Values("ref", "cpu"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace dq
