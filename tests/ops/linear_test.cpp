#include "ops/linear.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "ops/matrix_cases.h"

namespace dq::test {
namespace {

class Linear : public testing::TestWithParam<Variant> {
 protected:
  Precision precision() const { return GetParam().precision; }

  std::unique_ptr<Device> device_ = GetParam().device();
  std::unique_ptr<Device> ref_ = ops::make_ref_device();
};

struct Size {
  std::int64_t m, n, k;
};

constexpr Size kSizes[] = {{1, 1, 1},    {1, 5, 3},     {2, 16, 64},   {3, 17, 31},
                           {4, 40, 7},   {5, 33, 193},  {6, 8, 320},   {7, 31, 321},
                           {13, 32, 97}, {12, 96, 385}, {77, 48, 129}, {61, 3, 650},
                           {200, 1, 5},  {193, 65, 2},  {391, 70, 33}, {2, 130, 2000}};

TEST_P(Linear, AgreesWithReferenceOnOddSizes) {
  for (const Size& s : kSizes) {
    const Tensor x = random_tensor(*device_, {s.m, s.k}, 1), w = random_tensor(*device_, {s.n, s.k}, 2);
    const Tensor y = ops::linear(x, ops::pack_linear(*device_, w, precision()));
    const Tensor expected =
        ops::linear(moved(x, *ref_), ops::pack_linear(*ref_, moved(w, *ref_), precision()));
    EXPECT_LE(relative_error(y, expected), sum_tolerance(s.k)) << s.m << "×" << s.n << "×" << s.k;
  }
}

TEST_P(Linear, TakesEveryWeightType) {
  const Tensor x = random_tensor(*device_, {9, 333}, 3);
  for (const DType dtype :
       {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const Tensor w = random_weight(*device_, dtype, {37, 333}, 4);
    const Tensor y = ops::linear(x, ops::pack_linear(*device_, w, precision()));
    const Tensor expected =
        ops::linear(moved(x, *ref_), ops::pack_linear(*ref_, moved(w, *ref_), precision()));
    EXPECT_LE(relative_error(y, expected), sum_tolerance(333)) << to_string(dtype);
  }
}

TEST_P(Linear, KeepsSixteenBitWeightsInSixteenBits) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF8E4M3}) {
    const Tensor w = random_weight(*device_, dtype, {64, 128}, 4);
    EXPECT_EQ(ops::pack_linear(*device_, w, precision()).data.bytes(), 64 * 128 * 2);
  }
}

TEST_P(Linear, ReadsWeightsOfAnyStrides) {
  const auto agree = [&](const Tensor& w) {
    const Tensor x = random_tensor(*device_, {8, w.dim(1)}, 6);
    const Tensor y = ops::linear(x, ops::pack_linear(*device_, w, precision()));
    const Tensor expected =
        ops::linear(moved(x, *ref_), ops::pack_linear(*ref_, moved(w, *ref_), precision()));
    EXPECT_LE(relative_error(y, expected), sum_tolerance(w.dim(1))) << to_string(w.shape());
  };
  agree(random_weight(*device_, DType::kF16, {70, 19}, 5).permute({1, 0}));
  // Output channels that are neighbours, as the gradients' are: whole lines, in several pieces.
  for (const auto& [k, n] : {std::array<std::int64_t, 2>{1, 1}, {1027, 37}, {1536, 32}, {33, 70}}) {
    agree(random_tensor(*device_, {k, n}, 5).permute({1, 0}));
    agree(random_tensor(*device_, {k, n + 13}, 5).slice(1, 6, 6 + n).permute({1, 0}));
  }
}

TEST_P(Linear, AppliesEveryEpilogue) {
  for (const Size& s : {Size{2, 21, 40}, Size{19, 45, 400}}) {
    const Tensor x = random_tensor(*device_, {s.m, s.k}, 7), w = random_tensor(*device_, {s.n, s.k}, 8);
    const Tensor bias = random_tensor(*device_, {s.n}, 9), residual = random_tensor(*device_, {s.m, s.n}, 10);
    const Tensor ref_bias = moved(bias, *ref_), ref_residual = moved(residual, *ref_);
    const auto weight = ops::pack_linear(*device_, w, precision());
    const auto ref_weight = ops::pack_linear(*ref_, moved(w, *ref_), precision());
    using ops::Activation;
    for (const Activation act : {Activation::kNone, Activation::kSilu, Activation::kGelu,
                                 Activation::kGeluTanh, Activation::kQuickGelu}) {
      for (int mask = 0; mask < 4; ++mask) {
        ops::LinearOptions options, ref_options;
        options.act = ref_options.act = act;
        if (mask & 1) options.bias = &bias, ref_options.bias = &ref_bias;
        if (mask & 2) options.residual = &residual, ref_options.residual = &ref_residual;
        const Tensor y = ops::linear(x, weight, options);
        const Tensor expected = ops::linear(moved(x, *ref_), ref_weight, ref_options);
        EXPECT_LE(relative_error(y, expected), sum_tolerance(s.k)) << static_cast<int>(act) << " " << mask;
      }
    }
  }
}

TEST_P(Linear, ReadsStridedRows) {
  const Tensor w = random_tensor(*device_, {23, 30}, 11);
  const auto weight = ops::pack_linear(*device_, w, precision());
  const auto ref_weight = ops::pack_linear(*ref_, moved(w, *ref_), precision());
  const Tensor wide = random_tensor(*device_, {3, 4, 5, 90}, 12);
  const Tensor views[] = {wide.slice(3, 30, 60), wide.slice(2, 1, 4).slice(3, 7, 37),
                          wide.slice(1, 1, 3).slice(3, 60, 90), wide.slice(3, 0, 30).permute({2, 0, 1, 3}),
                          wide.slice(0, 1, 2).slice(2, 2, 3).slice(3, 2, 32)};
  for (const Tensor& x : views) {
    const Tensor y = ops::linear(x, weight);
    const Tensor expected = ops::linear(moved(x, *ref_), ref_weight);
    EXPECT_LE(relative_error(y, expected), sum_tolerance(30)) << to_string(x.shape());
  }
}

TEST_P(Linear, GegluAgreesWithReference) {
  for (const Size& s :
       {Size{1, 1, 1}, Size{5, 16, 40}, Size{7, 37, 33}, Size{50, 96, 700}, Size{300, 20, 3}}) {
    const Tensor x = random_tensor(*device_, {s.m, s.k}, 13), w = random_tensor(*device_, {2 * s.n, s.k}, 14);
    const Tensor bias = random_tensor(*device_, {2 * s.n}, 15), ref_bias = moved(bias, *ref_);
    const auto weight = ops::pack_linear(*device_, w, precision());
    const auto ref_weight = ops::pack_linear(*ref_, moved(w, *ref_), precision());
    // The gate passes its error on to the product, hence twice the tolerance.
    EXPECT_LE(relative_error(ops::linear_geglu(x, weight, &bias),
                             ops::linear_geglu(moved(x, *ref_), ref_weight, &ref_bias)),
              2 * sum_tolerance(s.k));
    EXPECT_LE(relative_error(ops::linear_geglu(x, weight, nullptr),
                             ops::linear_geglu(moved(x, *ref_), ref_weight, nullptr)),
              2 * sum_tolerance(s.k));
  }
}

// Ranks around the kernels' steps and their widest, sizes of one K block and of several, and a pair that
// takes a pass of its own.
TEST_P(Linear, AddsALowRankPair) {
  for (const auto& [s, rank] :
       {std::pair{Size{1, 1, 1}, 1}, std::pair{Size{5, 33, 193}, 3}, std::pair{Size{77, 70, 640}, 16},
        std::pair{Size{40, 96, 768}, 48}, std::pair{Size{35, 48, 129}, 33}, std::pair{Size{9, 31, 2000}, 128},
        std::pair{Size{6, 20, 50}, 129}}) {
    const Tensor x = random_tensor(*device_, {s.m, s.k}, 31), w = random_tensor(*device_, {2 * s.n, s.k}, 32);
    const Tensor bias = random_tensor(*device_, {2 * s.n}, 33),
                 residual = random_tensor(*device_, {s.m, 2 * s.n}, 34);
    const ops::LowRank low{random_tensor(*device_, {rank, s.k}, 35, -0.1f, 0.1f),
                           random_tensor(*device_, {2 * s.n, rank}, 36)};
    const ops::LowRank ref_low{moved(low.down, *ref_), moved(low.up, *ref_)};
    const Tensor ref_x = moved(x, *ref_), ref_bias = moved(bias, *ref_),
                 ref_residual = moved(residual, *ref_);
    const auto weight = ops::pack_linear(*device_, w, precision());
    const auto ref_weight = ops::pack_linear(*ref_, moved(w, *ref_), precision());
    const ops::LinearOptions options{&bias, ops::Activation::kSilu, &residual, low};
    const ops::LinearOptions ref_options{&ref_bias, ops::Activation::kSilu, &ref_residual, ref_low};
    // What lies between the two products may be rounded to the other neighbour in bf16.
    const double tolerance = precision() == Precision::kBF16 ? 2e-4 : 2 * sum_tolerance(s.k + rank);
    const Tensor y = ops::linear(x, weight, options), expected = ops::linear(ref_x, ref_weight, ref_options);
    EXPECT_LE(relative_error(y, expected), tolerance) << s.m << "×" << s.n << "×" << s.k << " " << rank;
    EXPECT_GT(relative_error(y, ops::linear(x, weight, {&bias, ops::Activation::kSilu, &residual})), 1e-2);
    EXPECT_LE(relative_error(ops::linear_geglu(x, weight, &bias, low),
                             ops::linear_geglu(ref_x, ref_weight, &ref_bias, ref_low)),
              2 * tolerance)
        << s.m << "×" << s.n << "×" << s.k << " " << rank;
  }
}

TEST_P(Linear, GivesTheSameBitsWithAnyNumberOfThreads) {
  for (const Size& s : {Size{2, 300, 500}, Size{77, 200, 700}, Size{500, 90, 330}}) {
    const Tensor x = random_tensor(*device_, {s.m, s.k}, 16), w = random_tensor(*device_, {2 * s.n, s.k}, 17);
    const Tensor one = ops::linear(x, ops::pack_linear(*device_, w, precision()));
    const Tensor gated = ops::linear_geglu(x, ops::pack_linear(*device_, w, precision()), nullptr);
    const ops::LowRank low{random_tensor(*device_, {20, s.k}, 18),
                           random_tensor(*device_, {2 * s.n, 20}, 19)};
    const Tensor adapted = ops::linear(x, ops::pack_linear(*device_, w, precision()), {.low_rank = low});
    for (const int threads : {1, 3, 5}) {
      const auto other = GetParam().device(threads);
      const auto weight = ops::pack_linear(*other, moved(w, *other), precision());
      EXPECT_TRUE(same_bits(one, ops::linear(moved(x, *other), weight))) << threads;
      EXPECT_TRUE(same_bits(gated, ops::linear_geglu(moved(x, *other), weight, nullptr))) << threads;
      const ops::LowRank same{moved(low.down, *other), moved(low.up, *other)};
      EXPECT_TRUE(same_bits(adapted, ops::linear(moved(x, *other), weight, {.low_rank = same}))) << threads;
    }
  }
}

TEST_P(Linear, PassesNanAndInfinityOn) {
  for (const std::int64_t m : {2, 20}) {
    Tensor x = random_tensor(*device_, {m, 400}, 18, 0.1f, 1);
    x.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    x.data<float>()[400 + 399] = std::numeric_limits<float>::infinity();
    const Tensor w = random_tensor(*device_, {18, 400}, 19, 0.1f, 1);
    ops::LinearOptions options;
    options.act = ops::Activation::kGelu;
    const Tensor y = ops::linear(x, ops::pack_linear(*device_, w, precision()), options);
    for (int n = 0; n < 18; ++n) {
      EXPECT_TRUE(std::isnan(y.data<float>()[n]));
      EXPECT_TRUE(std::isinf(y.data<float>()[18 + n]));
      EXPECT_TRUE(m == 2 || std::isfinite(y.data<float>()[36 + n]));
    }
  }
}

TEST_P(Linear, RefusesShapesThatDoNotFit) {
  const auto weight = ops::pack_linear(*device_, random_tensor(*device_, {7, 10}, 20), precision());
  const Tensor x = random_tensor(*device_, {4, 10}, 21), wide = random_tensor(*device_, {4, 11}, 22);
  const auto code = [](const auto& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::kInternal;
  };
  ops::LinearOptions bad_bias, bad_residual;
  bad_bias.bias = &wide;
  bad_residual.residual = &x;
  EXPECT_EQ(code([&] { ops::linear(wide, weight); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ops::linear(x, weight, bad_bias); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ops::linear(x, weight, bad_residual); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ops::linear(x, ops::PackedWeight{}); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ops::linear(x.permute({1, 0}), weight); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ops::linear_geglu(x, weight, nullptr); }), ErrorCode::kInvalidArgument);
  for (const auto& [down, up] : {std::pair{Shape{3, 11}, Shape{7, 3}}, std::pair{Shape{3, 10}, Shape{7, 4}},
                                 std::pair{Shape{3, 10}, Shape{8, 3}}, std::pair{Shape{3, 10}, Shape{21}}}) {
    const ops::LowRank low{random_tensor(*device_, down, 23), random_tensor(*device_, up, 24)};
    EXPECT_EQ(code([&] { ops::linear(x, weight, {.low_rank = low}); }), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(code([&] { ops::pack_linear(*device_, random_tensor(*device_, {7}, 1), precision()); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] {
              ops::pack_linear(*device_, Tensor::zeros(*device_, DType::kI32, {7, 2}), precision());
            }),
            ErrorCode::kInvalidArgument);
}

TEST_P(Linear, AnEmptyInputGivesAnEmptyResult) {
  const auto weight = ops::pack_linear(*device_, random_tensor(*device_, {7, 10}, 20), precision());
  EXPECT_EQ(ops::linear(Tensor::empty(*device_, DType::kF32, {0, 10}), weight).shape(), (Shape{0, 7}));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Linear, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace dq::test
