// From a network's output to the guided guess of the clean latent, and masks.
#include <gtest/gtest.h>

#include "ops/elementwise.h"
#include "sampling/cfg.h"
#include "sampling/latent.h"
#include "support.h"

namespace dq::sampling {
namespace {

using models::Prediction;

// out = 0.5·x + context's first number, for each image; notes what it was asked.
class LinearNetwork : public models::Denoiser {
 public:
  Tensor operator()(const models::DenoiserInput& input) const override {
    ++calls;
    last = input;
    strengths.clear();
    for (const models::Control& control : input.controls) strengths.push_back(control.strength);
    Tensor out = Tensor::empty(input.x.device(), DType::kF32, input.x.shape());
    const std::int64_t each = input.x.count() / input.x.dim(0),
                       tokens = input.context.count() / input.context.dim(0);
    for (std::int64_t i = 0; i < input.x.count(); ++i) {
      out.data<float>()[i] = 0.5F * input.x.data<float>()[i] + input.context.data<float>()[i / each * tokens];
    }
    return out;
  }

  mutable int calls = 0;
  mutable models::DenoiserInput last;
  mutable std::vector<double> strengths;  // of the control nets
};

class GuidanceTest : public ::testing::Test {
 protected:
  models::Conditioning text(float value, std::int64_t tokens = 3) {
    Tensor context = Tensor::zeros(*device_, DType::kF32, {1, tokens, 2});
    context.data<float>()[0] = value;
    models::Conditioning result;
    result.context = context;
    return result;
  }

  std::unique_ptr<Device> device_ = ops::make_ref_device();
  LinearNetwork network_;
  SigmaTable eps_{{}, Prediction::kEps};
  SigmaTable flow_{{.flow_shift = 3}, Prediction::kFlow};
  Tensor x_ = test::random_tensor(*device_, {2, 4, 3, 5}, 1, -3, 3);
};

TEST_F(GuidanceTest, PredictionTypes) {
  const double sigma = eps_.sigma(700);
  const double c_in = 1 / std::sqrt(sigma * sigma + 1);
  const models::Conditioning c = text(0.25F);
  const Tensor rows = ops::concat({c.context, c.context}, 0);
  const auto expect = [&](const SigmaTable& table, Prediction prediction, double at, auto formula,
                          double timestep) {
    const Tensor d = ModelWrapper(network_, table, prediction)(x_, at, {rows, {}, {}});
    EXPECT_LE(test::relative_error(d, test::map(x_, formula)), 1e-6);
    EXPECT_NEAR(network_.last.timesteps.at(0), timestep, 1e-6);
  };
  const auto out = [&](double x) { return 0.5 * c_in * x + 0.25; };
  expect(
      eps_, Prediction::kEps, sigma, [&](double x) { return x - sigma * out(x); }, 700);
  expect(
      eps_, Prediction::kV, sigma, [&](double x) { return c_in * c_in * x - out(x) * sigma * c_in; }, 700);
  expect(
      flow_, Prediction::kFlow, 0.75, [&](double x) { return x - 0.75 * (0.5 * x + 0.25); }, 750);
  EXPECT_THROW(ModelWrapper(network_, flow_, Prediction::kV), Error);
}

// x = √ᾱ·x0 + √(1 − ᾱ)·ε with known x0, ε: networks that answer rightly give x0 back.
TEST_F(GuidanceTest, RightAnswersGiveTheCleanLatent) {
  struct Oracle : models::Denoiser {
    Tensor answer;
    Tensor operator()(const models::DenoiserInput&) const override { return answer; }
  } oracle;
  const Tensor x0 = test::random_tensor(*device_, {1, 4, 3, 5}, 2),
               e = test::random_tensor(*device_, {1, 4, 3, 5}, 3);
  const double sigma = eps_.sigma(400), a = 1 / std::sqrt(sigma * sigma + 1), b = sigma * a;
  const Tensor noisy = add_noise(x0, e, sigma, false);
  oracle.answer = e;
  EXPECT_LE(test::relative_error(ModelWrapper(oracle, eps_, Prediction::kEps)(noisy, sigma, {}), x0), 1e-6);
  oracle.answer = ops::combine({{a, &e}, {-b, &x0}});
  EXPECT_LE(test::relative_error(ModelWrapper(oracle, eps_, Prediction::kV)(noisy, sigma, {}), x0), 1e-6);
  oracle.answer = ops::combine({{1, &e}, {-1, &x0}});
  const Tensor mixed = add_noise(x0, e, 0.6, true);
  EXPECT_LE(test::relative_error(ModelWrapper(oracle, flow_, Prediction::kFlow)(mixed, 0.6, {}), x0), 1e-6);
}

TEST_F(GuidanceTest, ScaleDrawsAwayFromTheNegative) {
  const ModelWrapper model(network_, eps_, Prediction::kEps);
  const double sigma = 2;
  const auto guess = [&](double x, double c) { return x - sigma * (0.5 * x / std::sqrt(5.0) + c); };
  const auto want = [&](double x) { return guess(x, -1) + 7.5 * (guess(x, 0.5) - guess(x, -1)); };
  for (const bool one_batch : {true, false}) {
    network_.calls = 0;
    const Guidance guidance{text(0.5F), text(-1), {}, 7.5, one_batch, true};
    const Denoised d = GuidedDenoiser(model, guidance, 2)(x_, sigma);
    EXPECT_LE(test::relative_error(d.value, test::map(x_, want)), 1e-6);
    EXPECT_LE(test::relative_error(d.uncond, test::map(x_, [&](double x) { return guess(x, -1); })), 1e-6);
    EXPECT_EQ(network_.calls, one_batch ? 1 : 2);
  }
}

TEST_F(GuidanceTest, PromptsOfDifferentLengthTakeTwoCalls) {
  const ModelWrapper model(network_, eps_, Prediction::kEps);
  const Denoised joined = GuidedDenoiser(model, {text(0.5F), text(-1), {}, 7.5}, 2)(x_, 2);
  network_.calls = 0;
  const Denoised apart = GuidedDenoiser(model, {text(0.5F, 6), text(-1), {}, 7.5}, 2)(x_, 2);
  EXPECT_EQ(network_.calls, 2);
  EXPECT_LE(test::relative_error(apart.value, joined.value), 1e-6);
  EXPECT_FALSE(apart.uncond.defined());
}

TEST_F(GuidanceTest, ScaleOneSkipsTheSecondPass) {
  const ModelWrapper model(network_, eps_, Prediction::kEps);
  Guidance guidance{text(0.5F), {}, {}, 1};
  const GuidedDenoiser guided(model, guidance, 2);
  EXPECT_FALSE(guided.two_passes());
  guided(x_, 2);
  EXPECT_EQ(network_.calls, 1);
  EXPECT_EQ(network_.last.x.dim(0), 2);
  guidance.negative = text(-1);
  guidance.keep_uncond = true;
  EXPECT_TRUE(GuidedDenoiser(model, guidance, 2).two_passes());
}

// ComfyUI's rule: at work while σ(end) ≤ σ ≤ σ(start), both ends included.
TEST_F(GuidanceTest, ControlNetsAreAtWorkInTheirPartOfTheRun) {
  const ModelWrapper model(network_, eps_, Prediction::kEps);
  Guidance guidance{text(0.5F), text(-1), {}, 7.5};
  guidance.controls = {{{nullptr, {}, 0.1}},
                       {{nullptr, {}, 0.2}, eps_.percent_to_sigma(0.25), eps_.percent_to_sigma(0.5)},
                       {{nullptr, {}, 0.3}, eps_.percent_to_sigma(0), eps_.percent_to_sigma(1)}};
  const auto at = [&](double sigma) {
    GuidedDenoiser(model, guidance, 2)(x_, sigma);
    EXPECT_EQ(network_.last.x.dim(0), 4);  // both passes at once
    return network_.strengths;
  };
  using Strengths = std::vector<double>;
  EXPECT_EQ(at(eps_.sigma_max()), (Strengths{0.1, 0.3}));
  EXPECT_EQ(at(eps_.percent_to_sigma(0.25)), (Strengths{0.1, 0.2, 0.3}));
  EXPECT_EQ(at(eps_.percent_to_sigma(0.4)), (Strengths{0.1, 0.2, 0.3}));
  EXPECT_EQ(at(eps_.percent_to_sigma(0.5)), (Strengths{0.1, 0.2, 0.3}));
  EXPECT_EQ(at(eps_.percent_to_sigma(0.51)), (Strengths{0.1, 0.3}));
  EXPECT_EQ(at(eps_.sigma_min()), (Strengths{0.1, 0.3}));
  // Prompts of different length: each of the two calls has them.
  guidance.prompt = text(0.5F, 6);
  GuidedDenoiser(model, guidance, 2)(x_, eps_.percent_to_sigma(0.4));
  EXPECT_EQ(network_.strengths.size(), 3u);
}

TEST_F(GuidanceTest, ExtraChannelsGoToBothPasses) {
  const ModelWrapper model(network_, eps_, Prediction::kEps);
  const Tensor concat = test::random_tensor(*device_, {2, 5, 3, 5}, 4);
  GuidedDenoiser(model, {text(0.5F), text(-1), concat, 3}, 2)(x_, 2);
  ASSERT_EQ(network_.last.concat.shape(), (Shape{4, 5, 3, 5}));
  EXPECT_EQ(test::values(network_.last.concat.slice(0, 2, 4)), test::values(concat));
}

TEST_F(GuidanceTest, InitialLatent) {
  const Tensor latent = test::random_tensor(*device_, {1, 4, 3, 5}, 2),
               e = test::random_tensor(*device_, {1, 4, 3, 5}, 3);
  const auto expect = [&](const SigmaTable& table, double sigma, double on_latent, double on_noise) {
    const Tensor want = ops::combine({{on_latent, &latent}, {on_noise, &e}});
    EXPECT_LE(test::relative_error(initial_latent(latent, e, sigma, table), want), 1e-7) << sigma;
  };
  const double top = eps_.sigma_max();
  expect(eps_, top, 1, std::sqrt(1 + top * top));
  const double nearly = top * (1 - 5e-6);
  expect(eps_, nearly, 1, std::sqrt(1 + nearly * nearly));
  expect(eps_, top * 0.999, 1, top * 0.999);
  expect(eps_, 3, 1, 3);
  expect(flow_, 1, 0, 1);
  expect(flow_, 0.7, 0.3, 0.7);
  const Tensor left = finish_latent(latent, 0.5, flow_);
  EXPECT_LE(test::relative_error(left, ops::combine({{2, &latent}})), 1e-7);
  EXPECT_EQ(test::values(finish_latent(latent, 0.5, eps_)), test::values(latent));
}

TEST_F(GuidanceTest, MaskKeepsWhatItLeavesOut) {
  const Shape shape = {2, 4, 3, 5};
  LatentMask mask{Tensor::zeros(*device_, DType::kF32, {1, 1, 3, 5}), test::random_tensor(*device_, shape, 2),
                  test::random_tensor(*device_, shape, 3)};
  for (std::int64_t i = 0; i < 15; ++i) mask.mask.data<float>()[i] = i < 5 ? 0.0F : i < 10 ? 1.0F : 0.25F;
  for (const bool flow : {false, true}) {
    Tensor seen;
    const Denoise inner = [&](const Tensor& x, double) {
      seen = x;
      return Denoised{ops::combine({{0.5, &x}}), {}};
    };
    const Tensor d = masked(inner, mask, flow)(x_, 0.7).value;
    for (std::int64_t i = 0; i < x_.count(); ++i) {
      const auto at = [i](const Tensor& t) { return static_cast<double>(t.data<float>()[i]); };
      const double m = mask.mask.data<float>()[i % 15];
      const double noisy = (flow ? 0.3 : 1.0) * at(mask.latent) + 0.7 * at(mask.noise);
      EXPECT_NEAR(at(seen), m * at(x_) + (1 - m) * noisy, 1e-6);
      EXPECT_NEAR(at(d), m * 0.5 * at(seen) + (1 - m) * at(mask.latent), 1e-6);
      if (m == 0) {
        EXPECT_EQ(at(d), at(mask.latent));
      }
    }
  }
}

}  // namespace
}  // namespace dq::sampling
