#include "ops/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "ops/cpu/winograd_plan.h"
#include "ops/elementwise.h"
#include "ops/matrix_cases.h"

namespace dq::test {
namespace {

struct Case {
  std::int64_t images, height, width, in, out;
  int kernel_h, kernel_w, stride, top, left, bottom, right;
  bool upsample;
};

// Small channel counts of latents and pictures (3, 4, 9), 1×1, wide and tall kernels, the asymmetric padding
// of a strided convolution, and sizes that no tile divides.
constexpr Case kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, false},     {2, 8, 8, 4, 20, 3, 3, 1, 1, 1, 1, 1, false},
    {1, 7, 9, 9, 33, 3, 3, 1, 1, 1, 1, 1, false},    {1, 16, 11, 40, 4, 3, 3, 1, 1, 1, 1, 1, false},
    {1, 6, 5, 64, 3, 3, 3, 1, 1, 1, 1, 1, false},    {2, 5, 7, 31, 17, 1, 1, 1, 0, 0, 0, 0, false},
    {1, 9, 8, 12, 18, 3, 3, 2, 1, 1, 1, 1, false},   {1, 8, 10, 35, 16, 3, 3, 2, 0, 0, 1, 1, false},
    {1, 5, 6, 3, 10, 5, 3, 1, 2, 1, 0, 2, false},    {1, 4, 3, 6, 7, 2, 7, 1, 1, 5, 3, 2, false},
    {2, 4, 5, 20, 24, 3, 3, 1, 1, 1, 1, 1, true},    {1, 5, 3, 7, 9, 3, 3, 2, 1, 1, 1, 1, true},
    {1, 3, 3, 130, 40, 3, 3, 1, 1, 1, 1, 1, false},  {3, 1, 1, 8, 5, 3, 3, 1, 1, 1, 1, 1, false},
    {1, 13, 17, 32, 64, 3, 3, 1, 1, 1, 1, 1, false}, {1, 12, 12, 64, 33, 3, 3, 1, 0, 0, 0, 0, false},
    {2, 8, 8, 34, 16, 3, 3, 1, 1, 1, 1, 1, true},    {1, 14, 16, 66, 20, 3, 3, 1, 2, 0, 1, 2, false},
    {3, 8, 7, 130, 17, 3, 3, 1, 1, 1, 1, 1, false},  {1, 13, 17, 96, 100, 3, 3, 1, 1, 1, 1, 1, false},
    {2, 6, 9, 330, 97, 3, 3, 1, 2, 0, 1, 2, false},  {1, 8, 7, 98, 112, 3, 3, 1, 1, 1, 1, 1, true}};

ops::Conv2dOptions options_of(const Case& c) {
  ops::Conv2dOptions o;
  o.stride = c.stride;
  o.pad_top = c.top, o.pad_left = c.left, o.pad_bottom = c.bottom, o.pad_right = c.right;
  o.upsample_input = c.upsample;
  return o;
}

class Conv2d : public testing::TestWithParam<Variant> {
 protected:
  Precision precision() const { return GetParam().precision; }

  // Whether Winograd rounds what it multiplies: pixels and weights once transformed.
  bool rounds(const Tensor& y, const ops::PackedWeight& weight, const ops::Conv2dOptions& options) const {
    return weight.compute == Precision::kBF16 && tiles() && ops::cpu::winograd_pays(y, weight, options);
  }
  bool tiles() const {
    return GetParam().set == ops::cpu::KernelSet::kAmx || GetParam().set == ops::cpu::KernelSet::kEmulatedAmx;
  }

  // Of a result with `sums` products a number. A rounding to bf16 is off by at most 2^-8/√3 in the mean; the
  // patches of pixels are four of them in size 2, the weights' 1, ¾ and √¾, of each result 9 of 16 products:
  // 5/3 of the error of rounding both factors of plain products.
  double tolerance(const Tensor& y, const ops::PackedWeight& weight, const ops::Conv2dOptions& options,
                   std::int64_t sums) const {
    return rounds(y, weight, options) ? 5.0 / 3 * 0x1p-8 * std::sqrt(2.0 / 3) : sum_tolerance(sums);
  }

  // The reference's weight for a result y. Winograd rounds neither pixels nor weights before it transforms
  // them: its truth is the f32 sum over weights in the type they are kept in.
  ops::PackedWeight ref_weight(const Tensor& w, const Tensor& y, const ops::PackedWeight& weight,
                               const ops::Conv2dOptions& options) {
    const Tensor source = moved(w, *ref_);
    if (precision() == Precision::kF32 || !ops::cpu::winograd_pays(y, weight, options)) {
      return ops::pack_conv2d(*ref_, source, precision());
    }
    return ops::pack_conv2d(*ref_, ops::convert(ops::convert(source, DType::kF32), DType::kBF16),
                            Precision::kF32);
  }

  std::unique_ptr<Device> device_ = GetParam().device();
  std::unique_ptr<Device> ref_ = ops::make_ref_device();
};

TEST_P(Conv2d, AgreesWithReference) {
  for (const Case& c : kCases) {
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      const Tensor x = random_tensor(*device_, {c.images, c.height, c.width, c.in}, 1);
      const Tensor w = random_weight(*device_, dtype, {c.out, c.in, c.kernel_h, c.kernel_w}, 2);
      const auto options = options_of(c);
      const auto weight = ops::pack_conv2d(*device_, w, precision());
      const Tensor y = ops::conv2d(x, weight, options);
      const Tensor expected = ops::conv2d(moved(x, *ref_), ref_weight(w, y, weight, options), options);
      EXPECT_LE(relative_error(y, expected), tolerance(y, weight, options, c.in * c.kernel_h * c.kernel_w))
          << to_string(x.shape()) << " * " << to_string(w.shape());
    }
  }
}

TEST_P(Conv2d, AppliesEveryEpilogue) {
  for (const Case& c : kCases) {
    const Tensor x = random_tensor(*device_, {c.images, c.height, c.width, c.in}, 3);
    const Tensor w = random_weight(*device_, DType::kF16, {c.out, c.in, c.kernel_h, c.kernel_w}, 4);
    const auto weight = ops::pack_conv2d(*device_, w, precision());
    const Tensor plain = ops::conv2d(x, weight, options_of(c));
    const auto truth = ref_weight(w, plain, weight, options_of(c));
    const Shape& shape = plain.shape();
    const Tensor bias = random_tensor(*device_, {c.out}, 5),
                 image = random_tensor(*device_, {c.images, c.out}, 6);
    const Tensor residual = random_tensor(*device_, shape, 7);
    const Tensor ref_bias = moved(bias, *ref_), ref_image = moved(image, *ref_);
    const Tensor ref_residual = moved(residual, *ref_);
    for (int mask = 1; mask < 8; ++mask) {
      auto options = options_of(c), ref_options = options;
      if (mask & 1) options.bias = &bias, ref_options.bias = &ref_bias;
      if (mask & 2) options.per_image = &image, ref_options.per_image = &ref_image;
      if (mask & 4) options.residual = &residual, ref_options.residual = &ref_residual;
      EXPECT_LE(
          relative_error(ops::conv2d(x, weight, options), ops::conv2d(moved(x, *ref_), truth, ref_options)),
          tolerance(plain, weight, options_of(c), c.in * c.kernel_h * c.kernel_w))
          << to_string(x.shape()) << " " << mask;
    }
  }
}

TEST_P(Conv2d, GivesTheSameBitsWithAnyNumberOfThreads) {
  for (const std::int64_t channels : {5, 48, 150, 656}) {
    const Tensor x = random_tensor(*device_, {2, 19, 18, channels}, 8);
    const Tensor w = random_tensor(*device_, {102, channels, 3, 3}, 9);
    const auto options = options_of({2, 19, 18, channels, 102, 3, 3, 1, 1, 1, 1, 1, false});
    const Tensor y = ops::conv2d(x, ops::pack_conv2d(*device_, w, precision()), options);
    for (const int threads : {1, 3, 5}) {
      const auto other = GetParam().device(threads);
      const auto weight = ops::pack_conv2d(*other, moved(w, *other), precision());
      EXPECT_TRUE(same_bits(y, ops::conv2d(moved(x, *other), weight, options))) << threads;
    }
  }
}

// The largest channel count of the networks served: direct f32 sums have an error of about 3e-6 here.
TEST_P(Conv2d, WinogradStaysAccurateAt1280Channels) {
  const Tensor x = random_tensor(*device_, {1, 8, 8, 1280}, 14);
  const Tensor w = random_weight(*device_, DType::kBF16, {96, 1280, 3, 3}, 15);
  const auto options = options_of({1, 8, 8, 1280, 96, 3, 3, 1, 1, 1, 1, 1, false});
  const auto weight = ops::pack_conv2d(*device_, w, precision());
  const Tensor y = ops::conv2d(x, weight, options);
  ASSERT_TRUE(ops::cpu::winograd_pays(y, weight, options));
  EXPECT_LE(relative_error(y, ops::conv2d(moved(x, *ref_), ref_weight(w, y, weight, options), options)),
            rounds(y, weight, options) ? tolerance(y, weight, options, 1) : 5e-6);
}

// What is not a number spreads to the tiles whose patches hold it, and no further.
TEST_P(Conv2d, WinogradKeepsNanInItsTiles) {
  Tensor x = random_tensor(*device_, {1, 16, 16, 96}, 16);
  x.data<float>()[(3 * 16 + 3) * 96 + 5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor w = random_tensor(*device_, {96, 96, 3, 3}, 17);
  const auto options = options_of({1, 16, 16, 96, 96, 3, 3, 1, 1, 1, 1, 1, false});
  const auto weight = ops::pack_conv2d(*device_, w, precision());
  const Tensor y = ops::conv2d(x, weight, options);
  ASSERT_TRUE(ops::cpu::winograd_pays(y, weight, options));
  EXPECT_TRUE(std::isnan(y.data<float>()[(3 * 16 + 3) * 96]));
  EXPECT_TRUE(std::isfinite(y.data<float>()[(9 * 16 + 9) * 96]));
}

TEST_P(Conv2d, RefusesShapesThatDoNotFit) {
  const auto weight = ops::pack_conv2d(*device_, random_tensor(*device_, {7, 10, 3, 3}, 10), precision());
  const Tensor x = random_tensor(*device_, {1, 6, 6, 10}, 11),
               other = random_tensor(*device_, {1, 6, 6, 7}, 12);
  const Tensor tiny = random_tensor(*device_, {1, 2, 6, 10}, 13);
  const auto refuses = [&](const Tensor& input, const ops::Conv2dOptions& o) {
    try {
      ops::conv2d(input, weight, o);
    } catch (const Error& e) {
      return e.code() == ErrorCode::kInvalidArgument;
    }
    return false;
  };
  const auto with = [&](auto change) {
    ops::Conv2dOptions o;
    change(o);
    return o;
  };
  EXPECT_FALSE(refuses(x, {}));
  EXPECT_TRUE(refuses(other, {}));
  EXPECT_TRUE(refuses(tiny, {}));
  EXPECT_TRUE(refuses(x.permute({0, 2, 1, 3}), {}));
  EXPECT_TRUE(refuses(x, with([](auto& o) { o.stride = 0; })));
  EXPECT_TRUE(refuses(x, with([](auto& o) { o.pad_left = -1; })));
  EXPECT_TRUE(refuses(x, with([&](auto& o) { o.bias = &other; })));
  EXPECT_TRUE(refuses(x, with([&](auto& o) { o.per_image = &other; })));
  EXPECT_TRUE(refuses(x, with([&](auto& o) { o.residual = &other; })));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Conv2d, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace dq::test
