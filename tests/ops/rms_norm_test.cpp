#include "ops/rms_norm.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

TEST(RmsNorm, AgreesOverOddShapes) {
  const auto ref = ops::make_ref_device();
  for (const Shape& shape : {Shape{1}, Shape{3, 7}, Shape{2, 5, 45}, Shape{4, 77, 768}, Shape{0, 8}}) {
    const Tensor x = test::random_tensor(*ref, shape, 1, -3, 5);
    const Tensor weight = test::random_tensor(*ref, {shape.back()}, 2, -2, 2);
    for (const Tensor& w : {weight, Tensor()}) {
      const Tensor truth = ops::rms_norm(x, w, 1e-6F);
      for (const auto& [name, device] : test::all_cpu_devices()) {
        const Tensor there = w.defined() ? test::moved(w, *device) : w;
        const Tensor y = ops::rms_norm(test::moved(x, *device), there, 1e-6F);
        EXPECT_LT(test::largest_difference(y, truth), 4e-6) << name << to_string(shape);
      }
    }
  }
}

TEST(RmsNorm, FollowsItsFormula) {
  const auto ref = ops::make_ref_device();
  const Tensor x = Tensor::from(*ref, std::vector<float>{3, 4}, {2});
  const Tensor w = Tensor::from(*ref, std::vector<float>{2, -1}, {2});
  const Tensor y = ops::rms_norm(x, w, 12.5F);  // √((9 + 16)/2 + 12.5) = 5
  EXPECT_FLOAT_EQ(y.data<float>()[0], 6.0F / 5);
  EXPECT_FLOAT_EQ(y.data<float>()[1], -4.0F / 5);
}

TEST(RmsNorm, NanStaysInItsRow) {
  const auto ref = ops::make_ref_device();
  Tensor x = test::random_tensor(*ref, {9, 20}, 6);
  x.data<float>()[45] = std::nanf("");
  const Tensor truth = ops::rms_norm(x, {}, 1e-6F);
  for (const auto& [name, device] : test::all_cpu_devices()) {
    EXPECT_LT(test::largest_difference(ops::rms_norm(test::moved(x, *device), {}, 1e-6F), truth), 4e-6)
        << name;
  }
}

TEST(RmsNorm, NamesWhatDoesNotFit) {
  const auto ref = ops::make_ref_device();
  const Tensor x = Tensor::zeros(*ref, DType::kF32, {2, 12});
  EXPECT_THROW(ops::rms_norm(x, Tensor::zeros(*ref, DType::kF32, {11}), 1e-6F), Error);
  EXPECT_THROW(ops::rms_norm(Tensor::zeros(*ref, DType::kF16, {2, 12}), {}, 1e-6F), Error);
}

}  // namespace
}  // namespace dq
