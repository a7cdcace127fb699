#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

class Elementwise : public testing::Test {
 protected:
  Elementwise() : ref_(ops::make_ref_device()), device_(ops::make_cpu_device({.threads = 3})) {}
  Tensor there(const Tensor& x) { return test::moved(x, *device_); }

  std::unique_ptr<Device> ref_, device_;
};

TEST_F(Elementwise, CombineIsExactlyTheSumInOrder) {
  for (const Shape& shape : {Shape{1}, Shape{7}, Shape{3, 4, 64, 65}, Shape{0, 5}}) {
    std::vector<Tensor> x;
    for (std::uint64_t i = 0; i < 4; ++i) x.push_back(test::random_tensor(*ref_, shape, i, -1e3F, 1e3F));
    for (std::size_t terms = 1; terms <= 4; ++terms) {
      std::vector<Tensor> moved;
      for (const Tensor& each : x) moved.push_back(there(each));
      std::vector<ops::Term> a, b;
      for (std::size_t i = 0; i < terms; ++i) {
        const double factor = 0.1 + static_cast<double>(i) * -1.7;
        a.push_back({factor, &x[i]});
        b.push_back({factor, &moved[i]});
      }
      EXPECT_TRUE(test::same_bits(ops::combine(a), ops::combine(b))) << terms << to_string(shape);
    }
  }
}

TEST_F(Elementwise, CombineRoundsProductsBeforeSums) {
  // 1 + 2^-12 squared is 1 + 2^-11 + 2^-24; the last part is lost before the 1 is taken off.
  const float near_one = 1 + 0x1p-12F;
  const Tensor x = Tensor::from(*device_, std::vector<float>(9, near_one), {9});
  const Tensor minus = Tensor::from(*device_, std::vector<float>(9, -1), {9});
  const Tensor y = ops::combine({{1.0, &minus}, {near_one, &x}});
  for (const float value : test::numbers(y)) EXPECT_EQ(value, 0x1p-11F);
}

TEST_F(Elementwise, AddAndItsErrors) {
  const Tensor a = test::random_tensor(*device_, {2, 3}, 1), b = test::random_tensor(*device_, {2, 3}, 2);
  const Tensor y = ops::add(a, b);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(y.data<float>()[i], a.data<float>()[i] + b.data<float>()[i]);
  const Tensor other = Tensor::zeros(*device_, DType::kF32, {3, 2});
  EXPECT_THROW(ops::add(a, other), Error);
  EXPECT_THROW(ops::combine(std::span<const ops::Term>()), Error);
}

TEST_F(Elementwise, BlendFollowsTheMask) {
  const Tensor x = test::random_tensor(*ref_, {3, 4, 9, 11}, 1),
               y = test::random_tensor(*ref_, {3, 4, 9, 11}, 2);
  for (const std::int64_t masks : {1, 3}) {
    Tensor mask = test::random_tensor(*ref_, {masks, 1, 9, 11}, 3, 0, 1);
    mask.data<float>()[0] = 0;
    mask.data<float>()[1] = 1;
    const Tensor out = ops::blend(there(x), there(y), there(mask));
    EXPECT_TRUE(test::same_bits(out, ops::blend(x, y, mask)));
    EXPECT_EQ(out.data<float>()[0], y.data<float>()[0]);
    EXPECT_EQ(out.data<float>()[1], x.data<float>()[1]);
  }
  const Tensor bad = Tensor::zeros(*ref_, DType::kF32, {2, 1, 9, 11});
  EXPECT_THROW(ops::blend(x, y, bad), Error);
}

TEST_F(Elementwise, ContiguousTurnsAnyAxes) {
  for (const Shape& shape :
       {Shape{2, 3, 5, 7}, Shape{1, 4, 64, 64}, Shape{2, 33, 17, 40}, Shape{3, 1, 8, 100}}) {
    const Tensor x = test::random_tensor(*ref_, shape, 1);
    for (const auto& order :
         {std::initializer_list<int>{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0}, {1, 0, 3, 2}}) {
      EXPECT_TRUE(
          test::same_bits(ops::contiguous(there(x).permute(order)), ops::contiguous(x.permute(order))))
          << to_string(shape);
    }
    const Tensor part = x.slice(3, 1, shape[3] - 1).slice(2, 2, shape[2]).permute({0, 2, 3, 1});
    EXPECT_TRUE(test::same_bits(ops::contiguous(there(part)), ops::contiguous(part)));
  }
}

TEST_F(Elementwise, ContiguousMovesElementsOfAnySize) {
  for (const DType dtype : {DType::kU8, DType::kF16, DType::kI32, DType::kF64}) {
    Tensor x = Tensor::empty(*ref_, dtype, {19, 23, 6});
    for (std::int64_t i = 0; i < x.bytes(); ++i) x.raw()[i] = static_cast<std::byte>(i * 37 % 251);
    for (const auto& order : {std::initializer_list<int>{1, 0, 2}, {2, 1, 0}, {0, 2, 1}}) {
      EXPECT_TRUE(
          test::same_bits(ops::contiguous(there(x).permute(order)), ops::contiguous(x.permute(order))))
          << to_string(dtype);
    }
  }
}

TEST_F(Elementwise, ContiguousOfAContiguousTensorIsItself) {
  const Tensor x = test::random_tensor(*device_, {4, 5}, 1);
  EXPECT_EQ(ops::contiguous(x).raw(), x.raw());
  EXPECT_EQ(ops::contiguous(x.slice(0, 1, 3)).raw(), x.slice(0, 1, 3).raw());
}

TEST_F(Elementwise, ConvertsEveryHalf) {
  Tensor x = Tensor::empty(*ref_, DType::kF16, {65536});
  for (int i = 0; i < 65536; ++i) x.data<Half>()[i] = {static_cast<std::uint16_t>(i)};
  const Tensor wide = ops::convert(there(x), DType::kF32), back = ops::convert(wide, DType::kF16);
  for (int i = 0; i < 65536; ++i) {
    const float value = to_float(Half{static_cast<std::uint16_t>(i)});
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(wide.data<float>()[i]) && std::isnan(to_float(back.data<Half>()[i]))) << i;
    } else {
      EXPECT_EQ(wide.data<float>()[i], value);
      EXPECT_EQ(back.data<Half>()[i].bits, i);
    }
  }
}

TEST_F(Elementwise, ConvertsFromEveryType) {
  for (const DType dtype :
       {DType::kF64, DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2, DType::kI64, DType::kI32,
        DType::kI16, DType::kI8, DType::kU64, DType::kU32, DType::kU16, DType::kU8, DType::kBool}) {
    Tensor x = Tensor::empty(*ref_, dtype, {13, 40});
    std::uint32_t state = 7;
    for (std::int64_t i = 0; i < x.bytes(); ++i)
      x.raw()[i] = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
    for (const DType to : {DType::kF32, DType::kF16, DType::kBF16}) {
      if (dtype == to) continue;
      const Tensor turned = x.permute({1, 0});
      for (const Tensor& view : {x, turned}) {
        const Tensor y = ops::convert(there(view), to), truth = ops::convert(view, to);
        const Tensor a = to == DType::kF32 ? y : ops::convert(y, DType::kF32);
        const Tensor b = to == DType::kF32 ? truth : ops::convert(truth, DType::kF32);
        EXPECT_EQ(test::largest_difference(a, b), 0) << to_string(dtype) << " to " << to_string(to);
      }
    }
  }
}

TEST_F(Elementwise, ConvertRoundsToNearestEven) {
  const std::vector<float> values = {1 + 0x1p-8F, 1 + 3 * 0x1p-8F, 65520, 65519,
                                     0x1p-25F,    3e38F,           -0.0F, 1e-40F};
  const Tensor x = Tensor::from(*device_, values, {8});
  const Tensor half = ops::convert(x, DType::kF16), brain = ops::convert(x, DType::kBF16);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(half.data<Half>()[i].bits, to_half(values[i]).bits) << values[i];
    EXPECT_EQ(brain.data<BFloat16>()[i].bits, to_bfloat16(values[i]).bits) << values[i];
  }
  try {
    ops::convert(x, DType::kI32);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
  }
}

TEST_F(Elementwise, ConcatJoinsAlongAnyAxis) {
  const Tensor a = test::random_tensor(*ref_, {2, 3, 5, 8}, 1);
  for (int axis = -4; axis < 4; ++axis) {
    Shape shape = a.shape();
    shape[static_cast<std::size_t>((axis + 4) % 4)] = 6;
    const Tensor b = test::random_tensor(*ref_, shape, 2);
    const Tensor y = ops::concat({there(a), there(b), there(a)}, axis);
    const std::int64_t first = a.dim(axis);
    const int positive = (axis + 4) % 4;
    EXPECT_EQ(y.dim(axis), 2 * first + 6);
    EXPECT_TRUE(test::same_bits(ops::contiguous(y.slice(positive, 0, first)), a));
    EXPECT_TRUE(test::same_bits(ops::contiguous(y.slice(positive, first, first + 6)), b));
    EXPECT_TRUE(test::same_bits(ops::contiguous(y.slice(positive, first + 6, 2 * first + 6)), a));
  }
  const Tensor narrow = Tensor::zeros(*ref_, DType::kF32, {2, 3, 4, 8});
  EXPECT_THROW(ops::concat({a, narrow}, 1), Error);
  EXPECT_THROW(ops::concat({a, a}, 4), Error);
  EXPECT_THROW(ops::concat(std::span<const Tensor>(), 0), Error);
}

TEST_F(Elementwise, IsTheSameAtAnyThreadCount) {
  const Tensor x = test::random_tensor(*ref_, {2, 40, 70, 90}, 1);
  const auto one = ops::make_cpu_device({.threads = 1});
  const Tensor plain = ops::contiguous(test::moved(x, *one).permute({0, 2, 3, 1}));
  for (const int threads : {2, 3, 5}) {
    const auto many = ops::make_cpu_device({.threads = threads});
    EXPECT_TRUE(test::same_bits(ops::contiguous(test::moved(x, *many).permute({0, 2, 3, 1})), plain));
  }
}

}  // namespace
}  // namespace dq
