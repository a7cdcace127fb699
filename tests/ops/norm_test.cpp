#include "ops/norm.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"
#include "ops/elementwise.h"

namespace dq {
namespace {

using ops::Activation;
using ops::Affine;

class Norm : public testing::Test {
 protected:
  Norm() : ref_(ops::make_ref_device()) {}

  Affine affine(std::int64_t channels) {
    return {test::random_tensor(*ref_, {channels}, 11, -2, 2), test::random_tensor(*ref_, {channels}, 12)};
  }
  static Affine moved(const Affine& a, Device& device) {
    Affine out;
    if (a.weight.defined()) out.weight = test::moved(a.weight, device);
    if (a.bias.defined()) out.bias = test::moved(a.bias, device);
    return out;
  }

  std::unique_ptr<Device> ref_;
};

TEST_F(Norm, GroupNormAgreesOverOddShapes) {
  struct Case {
    Shape shape;
    int groups;
  };
  // The last has several chunks of pixels, and a shorter one.
  for (const auto& [shape, groups] :
       {Case{{1, 1, 1, 1}, 1}, Case{{2, 3, 5, 12}, 4}, Case{{1, 7, 9, 30}, 3}, Case{{2, 5, 1, 33}, 11},
        Case{{1, 4, 4, 320}, 32}, Case{{2, 37, 41, 96}, 32}}) {
    const Tensor x = test::random_tensor(*ref_, shape, 1, -3, 5);
    const Affine a = affine(shape[3]);
    for (const Activation act : {Activation::kNone, Activation::kSilu, Activation::kGelu}) {
      const Tensor truth = ops::group_norm(x, groups, a, 1e-5F, act);
      for (const auto& [name, device] : test::all_cpu_devices()) {
        const Tensor y = ops::group_norm(test::moved(x, *device), groups, moved(a, *device), 1e-5F, act);
        EXPECT_LT(test::largest_difference(y, truth), 4e-6) << name << to_string(shape);
      }
    }
  }
}

TEST_F(Norm, AffineMayBeAbsentInPart) {
  const Tensor x = test::random_tensor(*ref_, {1, 3, 4, 10}, 1);
  const Affine whole = affine(10);
  for (const Affine& a : {Affine{}, Affine{whole.weight, {}}, Affine{{}, whole.bias}}) {
    for (const auto& [name, device] : test::all_cpu_devices()) {
      const Tensor there = test::moved(x, *device);
      const Affine b = moved(a, *device);
      EXPECT_LT(
          test::largest_difference(ops::group_norm(there, 2, b, 1e-5F), ops::group_norm(x, 2, a, 1e-5F)),
          2e-6)
          << name;
      EXPECT_LT(test::largest_difference(ops::layer_norm(there, b, 1e-5F), ops::layer_norm(x, a, 1e-5F)),
                2e-6)
          << name;
    }
  }
}

TEST_F(Norm, LayerNormAgreesOverOddShapes) {
  for (const Shape& shape :
       {Shape{1}, Shape{3, 7}, Shape{2, 5, 45}, Shape{4, 77, 768}, Shape{9, 1280}, Shape{0, 8}}) {
    const Tensor x = test::random_tensor(*ref_, shape, 2, -3, 5);
    const Affine a = affine(shape.back());
    const Tensor truth = ops::layer_norm(x, a, 1e-5F);
    for (const auto& [name, device] : test::all_cpu_devices()) {
      const Tensor y = ops::layer_norm(test::moved(x, *device), moved(a, *device), 1e-5F);
      EXPECT_LT(test::largest_difference(y, truth), 4e-6) << name << to_string(shape);
    }
  }
}

TEST_F(Norm, LayerNormGathersStridedRows) {
  const Tensor x = test::random_tensor(*ref_, {2, 6, 30}, 3).slice(2, 4, 21).permute({1, 0, 2});
  const Tensor truth = ops::layer_norm(x, {}, 1e-5F);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    EXPECT_LT(test::largest_difference(ops::layer_norm(test::moved(x, *device), {}, 1e-5F), truth), 2e-6)
        << name;
  }
}

// Mean 1000, deviation about 1: the numbers themselves are exact, so only our sums can lose.
TEST_F(Norm, KeepsItsDigitsFarFromZero) {
  const Tensor x = test::random_tensor(*ref_, {1, 64, 64, 64}, 4, 1000 - 1.7F, 1000 + 1.7F);
  const Tensor grouped = ops::group_norm(x, 8, {}, 1e-5F), rows = ops::layer_norm(x, {}, 1e-5F);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor there = test::moved(x, *device);
    EXPECT_LT(test::largest_difference(ops::group_norm(there, 8, {}, 1e-5F), grouped), 2e-6) << name;
    EXPECT_LT(test::largest_difference(ops::layer_norm(there, {}, 1e-5F), rows), 2e-6) << name;
  }
}

// The sums of a channel are taken around its first pixel; here that pixel is far off.
TEST_F(Norm, SurvivesAnOutlierInTheFirstPixel) {
  Tensor x = test::random_tensor(*ref_, {1, 40, 40, 16}, 5);
  for (int c = 0; c < 16; ++c) x.data<float>()[c] = 1e5F;
  const Tensor truth = ops::group_norm(x, 2, {}, 1e-5F);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    EXPECT_LT(test::relative_error(ops::group_norm(test::moved(x, *device), 2, {}, 1e-5F), truth), 1e-6)
        << name;
  }
}

TEST_F(Norm, OfAConstantIsTheBias) {
  Tensor x = Tensor::empty(*ref_, DType::kF32, {1, 9, 9, 24});
  std::fill_n(x.data<float>(), x.count(), 123.456F);
  const Affine a = affine(24);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor y = ops::group_norm(test::moved(x, *device), 4, moved(a, *device), 1e-6F);
    const Tensor z = ops::layer_norm(test::moved(x, *device), moved(a, *device), 1e-6F);
    for (std::int64_t i = 0; i < y.count(); ++i) {
      EXPECT_NEAR(y.data<float>()[i], a.bias.data<float>()[i % 24], 1e-6) << name;
      EXPECT_NEAR(z.data<float>()[i], a.bias.data<float>()[i % 24], 1e-6) << name;
    }
  }
}

TEST_F(Norm, NanStaysInItsGroupAndRow) {
  Tensor x = test::random_tensor(*ref_, {2, 20, 20, 32}, 6);
  x.data<float>()[777 * 4] = std::nanf("");
  const Tensor grouped = ops::group_norm(x, 4, {}, 1e-5F), rows = ops::layer_norm(x, {}, 1e-5F);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    const Tensor there = test::moved(x, *device);
    EXPECT_LT(test::largest_difference(ops::group_norm(there, 4, {}, 1e-5F), grouped), 4e-6) << name;
    EXPECT_LT(test::largest_difference(ops::layer_norm(there, {}, 1e-5F), rows), 4e-6) << name;
  }
}

TEST_F(Norm, IsTheSameAtAnyThreadCount) {
  const Tensor x = test::random_tensor(*ref_, {2, 67, 61, 48}, 7);
  const auto one = test::all_cpu_devices(1);
  for (const int threads : {2, 3, 5}) {
    const auto many = test::all_cpu_devices(threads);
    for (std::size_t i = 0; i < one.size(); ++i) {
      const Tensor a = test::moved(x, *one[i].device), b = test::moved(x, *many[i].device);
      EXPECT_TRUE(test::same_bits(ops::group_norm(a, 6, {}, 1e-5F, Activation::kSilu),
                                  ops::group_norm(b, 6, {}, 1e-5F, Activation::kSilu)))
          << one[i].name;
      EXPECT_TRUE(test::same_bits(ops::layer_norm(a, {}, 1e-5F), ops::layer_norm(b, {}, 1e-5F)))
          << one[i].name;
    }
  }
}

TEST_F(Norm, NamesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros(*ref_, DType::kF32, {1, 2, 2, 12});
  EXPECT_THROW(ops::group_norm(x, 5, {}, 1e-5F), Error);
  EXPECT_THROW(ops::group_norm(x, 4, affine(11), 1e-5F), Error);
  EXPECT_THROW(ops::group_norm(x.permute({0, 3, 1, 2}), 2, {}, 1e-5F), Error);
  try {
    ops::layer_norm(x, affine(13), 1e-5F);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(e.message().find("layer_norm: weight has 13 numbers, not 12"), std::string::npos)
        << e.message();
  }
}

}  // namespace
}  // namespace dq
