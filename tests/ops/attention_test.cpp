#include "ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "all_devices.h"
#include "base/error.h"
#include "ops/elementwise.h"

namespace dq {
namespace {

using ops::AttentionOptions;
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  std::int64_t batch, heads, queries, keys, head_dim, value_dim;
};

std::string describe(const Case& c) {
  return to_string(Shape{c.batch, c.heads, c.queries, c.keys, c.head_dim, c.value_dim});
}

class Attention : public testing::Test {
 protected:
  Attention() : ref_(ops::make_ref_device()) {}

  void fill(const Case& c, float spread = 2) {
    q_ = test::random_tensor(*ref_, {c.batch, c.queries, c.heads * c.head_dim}, 1, -spread, spread);
    k_ = test::random_tensor(*ref_, {c.batch, c.keys, c.heads * c.head_dim}, 2, -spread, spread);
    v_ = test::random_tensor(*ref_, {c.batch, c.keys, c.heads * c.value_dim}, 3);
  }
  Tensor on_ref(const AttentionOptions& options) { return ops::attention(q_, k_, v_, options); }
  Tensor on(Device& device, AttentionOptions options) {
    Tensor bias;
    if (options.bias) options.bias = &(bias = test::moved(*options.bias, device));
    return ops::attention(test::moved(q_, device), test::moved(k_, device), test::moved(v_, device), options);
  }
  void expect_close(const AttentionOptions& options, const std::string& what, double tolerance = 2e-6) {
    const Tensor truth = on_ref(options);
    for (const auto& [name, device] : test::all_cpu_devices()) {
      EXPECT_LT(test::relative_error(on(*device, options), truth), tolerance) << name << " " << what;
    }
  }

  std::unique_ptr<Device> ref_;
  Tensor q_, k_, v_;
};

const Case kShapes[] = {
    {1, 1, 1, 1, 1, 1},       {2, 3, 5, 7, 3, 5},       {1, 2, 47, 63, 40, 40},   {1, 2, 48, 64, 40, 40},
    {1, 2, 49, 65, 40, 40},   {2, 8, 100, 77, 40, 40},  {1, 1, 97, 129, 80, 80},  {1, 3, 33, 200, 64, 64},
    {1, 1, 70, 131, 128, 96}, {1, 2, 20, 77, 160, 160}, {1, 1, 50, 90, 512, 512}, {1, 2, 13, 300, 37, 41},
};

TEST_F(Attention, AgreesWithTheReferenceOverOddShapes) {
  for (const Case& c : kShapes) {
    fill(c);
    expect_close({.heads = static_cast<int>(c.heads)}, describe(c));
    expect_close({.heads = static_cast<int>(c.heads), .scale = 0.3F, .causal = true},
                 "causal " + describe(c));
  }
}

TEST_F(Attention, AddsABiasOfAnyBroadcast) {
  const Case c{2, 3, 50, 75, 24, 16};
  fill(c);
  for (const Shape& shape :
       {Shape{2, 3, 50, 75}, Shape{1, 3, 50, 75}, Shape{2, 1, 50, 75}, Shape{1, 1, 50, 75}}) {
    Tensor bias = test::random_tensor(*ref_, shape, 4, -3, 3);
    for (std::int64_t i = 0; i < bias.count(); i += 3) bias.data<float>()[i] = -kInf;
    expect_close({.heads = 3, .bias = &bias}, to_string(shape));
    expect_close({.heads = 3, .causal = true, .bias = &bias}, "causal " + to_string(shape));
  }
}

TEST_F(Attention, ReadsSlicesOfAFusedProjection) {
  const Tensor fused = test::random_tensor(*ref_, {2, 60, 3 * 4 * 40}, 5);
  q_ = fused.slice(2, 0, 160);
  k_ = fused.slice(2, 160, 320);
  v_ = fused.slice(2, 320, 480);
  const Tensor truth = on_ref({.heads = 4});
  q_ = Tensor::from(*ref_, test::numbers(ops::contiguous(q_)), q_.shape());
  EXPECT_EQ(test::relative_error(on_ref({.heads = 4}), truth), 0);
  q_ = fused.slice(2, 0, 160);
  expect_close({.heads = 4}, "slices");
  // Numbers that are not neighbours are gathered first.
  q_ = fused.permute({0, 2, 1}).slice(1, 0, 60).permute({0, 2, 1}).slice(2, 0, 40);
  k_ = fused.slice(2, 160, 200);
  v_ = test::random_tensor(*ref_, {2, 64, 60}, 6).permute({0, 2, 1}).slice(2, 0, 40);
  expect_close({.heads = 1}, "strided numbers");
}

TEST_F(Attention, SurvivesLargeLogits) {
  fill({1, 2, 60, 100, 40, 40}, 40);  // logits up to about 1e4, weights close to one-hot
  expect_close({.heads = 2, .scale = 0.25F}, "large", 5e-4);
}

TEST_F(Attention, IgnoresAConstantAddedToEveryLogit) {
  fill({1, 1, 50, 100, 40, 40});
  const Tensor plain = on_ref({.heads = 1});
  for (const float shift : {-512.0F, 512.0F}) {
    Tensor bias = Tensor::empty(*ref_, DType::kF32, {1, 1, 50, 100});
    std::fill_n(bias.data<float>(), bias.count(), shift);
    for (const auto& [name, device] : test::all_cpu_devices()) {
      EXPECT_LT(test::relative_error(on(*device, {.heads = 1, .bias = &bias}), plain), 1e-4) << name << shift;
    }
  }
}

TEST_F(Attention, MakesFullyMaskedRowsZero) {
  fill({1, 1, 60, 150, 16, 16});
  Tensor bias = Tensor::zeros(*ref_, DType::kF32, {1, 1, 60, 150});
  std::fill_n(bias.data<float>() + 7 * 150, 150, -kInf);       // all of row 7
  std::fill_n(bias.data<float>() + 8 * 150, 130, -kInf);       // whole blocks of row 8 before its first key
  std::fill_n(bias.data<float>() + 9 * 150 + 20, 130, -kInf);  // and after its last
  expect_close({.heads = 1, .bias = &bias}, "masked");
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = on(*device, {.heads = 1, .bias = &bias});
    for (int c = 0; c < 16; ++c) EXPECT_EQ(y.data<float>()[7 * 16 + c], 0) << name;
  }
}

TEST_F(Attention, KeepsNanInItsRow) {
  fill({1, 1, 60, 150, 16, 16});
  q_.data<float>()[5 * 16 + 3] = std::nanf("");
  q_.data<float>()[50 * 16] = kInf;
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = on(*device, {.heads = 1});
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const std::int64_t row = i / 16;
      EXPECT_EQ(std::isnan(y.data<float>()[i]), row == 5 || row == 50) << name << " row " << row;
    }
  }
}

TEST_F(Attention, KeepsNanOfOneKeyInEveryRow) {
  fill({1, 1, 20, 150, 16, 16});
  k_.data<float>()[70 * 16 + 1] = std::nanf("");
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = on(*device, {.heads = 1});
    for (const float value : test::numbers(y)) EXPECT_TRUE(std::isnan(value)) << name;
  }
}

TEST_F(Attention, HandlesSubnormalValues) {
  fill({1, 1, 10, 20, 8, 8});
  for (std::int64_t i = 0; i < v_.count(); ++i) v_.data<float>()[i] *= 1e-38F;
  const Tensor truth = on_ref({.heads = 1});
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = on(*device, {.heads = 1});
    for (std::int64_t i = 0; i < y.count(); ++i)
      EXPECT_NEAR(y.data<float>()[i], truth.data<float>()[i], 1e-43) << name;
  }
}

TEST_F(Attention, IsTheSameAtAnyThreadCount) {
  fill({2, 3, 130, 200, 40, 40});
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const auto one = test::all_cpu_devices(1, precision);
    for (const int threads : {2, 3, 5}) {
      const auto many = test::all_cpu_devices(threads, precision);
      for (std::size_t i = 0; i < one.size(); ++i) {
        const Tensor a = on(*one[i].device, {.heads = 3}), b = on(*many[i].device, {.heads = 3});
        EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())), 0)
            << one[i].name << threads;
      }
    }
  }
}

TEST_F(Attention, RoundsOnlyTheProductsInBf16) {
  for (const Case& c : kShapes) {
    fill(c, 1);
    Tensor bias = test::random_tensor(*ref_, {1, 1, c.queries, c.keys}, 4, -3, 3);
    for (std::int64_t i = 0; i < bias.count(); i += 3) bias.data<float>()[i] = -kInf;
    const int heads = static_cast<int>(c.heads);
    for (const AttentionOptions& options :
         {AttentionOptions{.heads = heads}, AttentionOptions{.heads = heads, .causal = true},
          AttentionOptions{.heads = heads, .bias = &bias},
          AttentionOptions{.heads = heads, .causal = true, .bias = &bias}}) {
      const Tensor truth = on_ref(options);
      for (const auto& [name, device] : test::all_cpu_devices(2, Precision::kBF16)) {
        const double error = test::relative_error(on(*device, options), truth);
        EXPECT_LT(error, 6e-3) << name << " " << describe(c) << (options.causal ? " causal" : "")
                               << (options.bias ? " bias" : "");
      }
    }
    const auto device = ops::cpu::make_emulated512_device(2, Precision::kBF16);
    EXPECT_GT(test::relative_error(on(*device, {.heads = heads}), on_ref({.heads = heads})), 0)
        << describe(c);
  }
}

// Each block of keys outweighs all before it, so that what was summed up must shrink; the logits are exact in
// bf16.
TEST_F(Attention, ScalesAnewAsLogitsGrow) {
  fill({1, 1, 45, 300, 24, 40}, 1);
  for (std::int64_t i = 0; i < q_.count(); ++i)
    q_.data<float>()[i] = i % 24 == 0 ? static_cast<float>(1 + i / 24 % 3) : 0.0F;
  for (std::int64_t key = 0; key < 300; ++key)
    k_.data<float>()[key * 24] = static_cast<float>(key / 50 * 6 + key % 3);
  const Tensor truth = on_ref({.heads = 1, .scale = 1.0F});
  for (const auto& [name, device] : test::all_cpu_devices(2, Precision::kBF16))
    EXPECT_LT(test::relative_error(on(*device, {.heads = 1, .scale = 1.0F}), truth), 6e-3) << name;
}

TEST_F(Attention, NamesWhatDoesNotFit) {
  const auto message = [&](const AttentionOptions& options) {
    try {
      on_ref(options);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      return std::string(e.what());
    }
    return std::string("no error");
  };
  fill({1, 2, 4, 6, 5, 5});
  EXPECT_NE(message({.heads = 3}).find("3 heads do not divide widths 10 and 10"), std::string::npos);
  const Tensor bias = Tensor::zeros(*ref_, DType::kF32, {1, 2, 4, 5});
  EXPECT_NE(message({.heads = 2, .bias = &bias}).find("bias has shape [1, 2, 4, 5]"), std::string::npos);
  k_ = Tensor::zeros(*ref_, DType::kF32, {1, 6, 8});
  EXPECT_NE(message({.heads = 2}).find("q is 10 wide, k 8"), std::string::npos);
  v_ = Tensor::zeros(*ref_, DType::kF32, {1, 5, 10});
  EXPECT_NE(message({.heads = 2}).find("6 keys, 5 values"), std::string::npos);
}

TEST_F(Attention, OfNothingIsNothing) {
  q_ = Tensor::zeros(*ref_, DType::kF32, {1, 3, 8});
  k_ = v_ = Tensor::zeros(*ref_, DType::kF32, {1, 0, 8});
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = on(*device, {.heads = 2});
    for (const float value : test::numbers(y)) EXPECT_EQ(value, 0) << name;
  }
  q_ = Tensor::zeros(*ref_, DType::kF32, {1, 0, 8});
  EXPECT_EQ(on_ref({.heads = 2}).shape(), (Shape{1, 0, 8}));
}

}  // namespace
}  // namespace dq
