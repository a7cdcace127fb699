// The convolution's way back on every kernel set against the naive truth: x and the weight ask.
#include "ops/conv2d.h"

#include <gtest/gtest.h>

#include "grad/tape.h"
#include "ops/elementwise.h"
#include "ops/matrix_cases.h"

namespace dq::test {
namespace {

struct Case {
  std::int64_t images, height, width, in, out;
  int kernel_h, kernel_w, stride, top, left, bottom, right;
};

// As in the forward tests: 1×1, wide and tall kernels, the one-sided padding of a strided convolution, and
// sizes where the last rows or columns of x reach no output pixel (6 and 5 with a stride of 2 and no
// padding).
constexpr Case kCases[] = {{1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},     {2, 8, 8, 4, 20, 3, 3, 1, 1, 1, 1, 1},
                           {1, 7, 9, 9, 33, 3, 3, 1, 1, 1, 1, 1},    {2, 5, 7, 31, 17, 1, 1, 1, 0, 0, 0, 0},
                           {1, 9, 8, 12, 18, 3, 3, 2, 1, 1, 1, 1},   {1, 8, 10, 35, 16, 3, 3, 2, 0, 0, 1, 1},
                           {1, 6, 5, 8, 9, 3, 3, 2, 0, 0, 0, 0},     {1, 5, 6, 3, 10, 5, 3, 1, 2, 1, 0, 2},
                           {1, 4, 3, 6, 7, 2, 7, 1, 1, 5, 0, 2},     {3, 1, 1, 8, 5, 3, 3, 1, 1, 1, 1, 1},
                           {1, 13, 17, 32, 64, 3, 3, 1, 1, 1, 1, 1}, {1, 7, 11, 6, 8, 1, 1, 2, 0, 0, 0, 0},
                           {4, 16, 16, 64, 64, 3, 3, 1, 1, 1, 1, 1}, {1, 6, 8, 98, 112, 3, 3, 1, 1, 1, 1, 1}};

struct Gradients {
  Tensor dx, dw;
};

Gradients gradients(const Case& c, Device& device, Precision compute) {
  Tensor x = random_tensor(device, {c.images, c.height, c.width, c.in}, 1);
  Tensor w = random_tensor(device, {c.out, c.in, c.kernel_h, c.kernel_w}, 2);
  ask_gradient(x);
  ask_gradient(w);
  ops::Conv2dOptions o;
  o.stride = c.stride;
  o.pad_top = c.top, o.pad_left = c.left, o.pad_bottom = c.bottom, o.pad_right = c.right;
  const Tensor y = ops::conv2d(x, ops::pack_conv2d(device, w, compute), o);
  grad::backward(y, random_tensor(device, y.shape(), 3));
  return {grad::gradient(x), grad::gradient(w)};
}

class Conv2dGradient : public testing::TestWithParam<Variant> {
 protected:
  std::unique_ptr<Device> ref_ = ops::make_ref_device();
};

TEST_P(Conv2dGradient, AgreesWithReference) {
  const auto device = GetParam().device(2);
  const bool bf16 = GetParam().precision == Precision::kBF16;
  for (const Case& c : kCases) {
    const Gradients got = gradients(c, *device, GetParam().precision);
    // Winograd rounds the weights to bf16 but no pixel, so bf16 is held against f32.
    const Gradients expected = gradients(c, *ref_, Precision::kF32);
    // A bf16 has 8 bits: a rounding is off by at most 2^-8/√3 in the mean, a product of two by √2 of that; by
    // 5/3 more where it is of transformed pixels and weights (tests/ops/conv2d_test.cpp).
    const double rounding = 0x1p-8 * std::sqrt(2.0 / 3);
    const bool tiles =
        GetParam().set == ops::cpu::KernelSet::kAmx || GetParam().set == ops::cpu::KernelSet::kEmulatedAmx;
    const double x_sums =
        bf16 ? (tiles ? 5.0 / 3 : 1) * rounding : sum_tolerance(c.out * c.kernel_h * c.kernel_w);
    const double w_sums = bf16 ? rounding : sum_tolerance(c.images * c.height * c.width);
    EXPECT_LE(relative_error(got.dx, expected.dx), x_sums) << c.height << "×" << c.width << "×" << c.in;
    EXPECT_LE(relative_error(got.dw, expected.dw), w_sums) << c.height << "×" << c.width << "×" << c.in;
  }
}

TEST_P(Conv2dGradient, GivesTheSameBitsWithAnyNumberOfThreads) {
  for (const Case& c : kCases) {
    const auto two = GetParam().device(2);
    const Gradients expected = gradients(c, *two, GetParam().precision);
    for (const int threads : {1, 3}) {
      const auto device = GetParam().device(threads);
      const Gradients got = gradients(c, *device, GetParam().precision);
      EXPECT_TRUE(same_bits(got.dx, expected.dx)) << threads;
      EXPECT_TRUE(same_bits(got.dw, expected.dw)) << threads;
    }
  }
}

// More tiles than one group holds: the sum over a batch is that over its parts.
TEST_P(Conv2dGradient, ManyTilesAddUp) {
  const auto device = GetParam().device(2);
  const Tensor x = random_tensor(*device, {200, 16, 16, 64}, 4),
               dy = random_tensor(*device, {200, 16, 16, 64}, 5);
  const auto gradient = [&](std::int64_t begin, std::int64_t end) {
    Tensor w = random_tensor(*device, {64, 64, 3, 3}, 2);
    ask_gradient(w);
    ops::Conv2dOptions o;
    o.pad_top = o.pad_left = o.pad_bottom = o.pad_right = 1;
    grad::backward(ops::conv2d(x.slice(0, begin, end), ops::pack_conv2d(*device, w, GetParam().precision), o),
                   dy.slice(0, begin, end));
    return grad::gradient(w);
  };
  const Tensor whole = gradient(0, 200), first = gradient(0, 90), second = gradient(90, 200);
  EXPECT_LE(relative_error(whole, ops::add(first, second)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Conv2dGradient, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace dq::test
