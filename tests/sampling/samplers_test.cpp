// Every sampler, step by step, against the published formulas restated in numpy (sampling_reference.py),
// which agree with diffusers' schedulers where both have the same method (make_sampling.py prints and asserts
// it).
#include <gtest/gtest.h>

#include <map>

#include "files/weight_source.h"
#include "ops/elementwise.h"
#include "sampling/sampler.h"
#include "support.h"

namespace dq::sampling {
namespace {

constexpr double kTolerance = 1e-5;

SamplerOptions options_of(const nlohmann::json& json) {
  SamplerOptions options;
  options.eta = json.value("eta", options.eta);
  options.s_noise = json.value("s_noise", options.s_noise);
  options.s_churn = json.value("s_churn", options.s_churn);
  options.s_tmin = json.value("s_tmin", options.s_tmin);
  options.s_tmax = json.value("s_tmax", options.s_tmax);
  return options;
}

class SamplersTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = ops::make_ref_device();
  std::shared_ptr<const files::WeightSource> source_ =
      files::open_weights(test::golden_path("sampling/sampling.safetensors"));
  Tensor unit_ = test::golden(*source_, "samplers.unit", *device_);
  Tensor noise_ = test::golden(*source_, "samplers.noise", *device_);
};

TEST_F(SamplersTest, FollowTheReferenceAtEveryStep) {
  const auto cases = test::golden_json("samplers.json");
  std::map<std::string, double> worst;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const auto& test_case = cases[c];
    const std::string name = test_case["sampler"];
    const Tensor path = test::golden(*source_, "samplers." + std::to_string(c), *device_);
    const bool churned = test_case["options"].contains("s_churn");
    test::RecordedNoise noise(noise_);
    const auto sigmas = test_case["sigmas"].get<std::vector<double>>();
    SamplerInput input{
        .x = ops::combine({{sigmas[0], &unit_}}), .sigmas = sigmas, .denoise = test::toy, .noise = noise};
    input.options = options_of(test_case["options"]);
    const bool flow = test_case["flow"];
    input.prediction = flow ? models::Prediction::kFlow : models::Prediction::kEps;
    input.flow_first_sigma = 3 * (1 - 1e-4) / (1 + 2 * (1 - 1e-4));
    int steps = 0;
    const auto check = [&](const Tensor& x) {
      const Tensor want = path.slice(0, steps, steps + 1);
      const double error = test::relative_error(test::values(x), test::values(want));
      EXPECT_LE(error, kTolerance) << name << " case " << c << " step " << steps;
      worst[name + (flow ? " (flow)" : "")] = std::max(worst[name + (flow ? " (flow)" : "")], error);
    };
    input.on_step = [&](const StepInfo& info) {
      EXPECT_EQ(info.step, steps);
      EXPECT_EQ(info.steps, static_cast<int>(sigmas.size()) - 1);
      // With churn x is raised before the model sees it; the reference records it before.
      if (!churned) check(info.x);
      ++steps;
    };
    const Tensor result = sample(find_sampler(name), input);
    ASSERT_EQ(steps, static_cast<int>(sigmas.size()) - 1) << name;
    check(result);
  }
  for (const auto& [name, error] : worst) std::printf("  %-28s worst step %.1e\n", name.c_str(), error);
}

TEST_F(SamplersTest, CallTheModelAsOftenAsTheTableSays) {
  for (const Sampler& sampler : samplers()) {
    int calls = 0;
    test::RecordedNoise noise(noise_);
    SamplerInput input{.x = ops::combine({{10, &unit_}}), .sigmas = {10, 5, 2, 1, 0.3, 0}, .noise = noise};
    input.denoise = [&](const Tensor& x, double sigma) {
      ++calls;
      return test::toy(x, sigma);
    };
    sample(sampler, input);
    EXPECT_EQ(calls, 4 * sampler.model_calls + 1) << sampler.name;
    EXPECT_EQ(noise.drawn() > 0, sampler.noise != NoiseKind::kNone) << sampler.name;
  }
}

TEST_F(SamplersTest, OneStepToZeroIsTheGuessAlone) {
  for (const Sampler& sampler : samplers()) {
    test::RecordedNoise noise(noise_);
    SamplerInput input{
        .x = ops::combine({{10, &unit_}}), .sigmas = {10, 0}, .denoise = test::toy, .noise = noise};
    const Tensor guess = test::toy(input.x, 10).value;
    // UniPC stops at σ = 0.001, a ten-thousandth of the way short.
    const double left = sampler.name.starts_with("uni_pc") ? 1e-4 : 0;
    const Tensor want = ops::combine({{left, &input.x}, {1 - left, &guess}});
    EXPECT_LE(test::relative_error(sample(sampler, input), want), 1e-6) << sampler.name;
    input.sigmas = {10};
    EXPECT_EQ(test::values(sample(sampler, input)), test::values(input.x)) << sampler.name;
  }
}

TEST_F(SamplersTest, StopWhenTheCallbackThrows) {
  test::RecordedNoise noise(noise_);
  SamplerInput input{.x = unit_, .sigmas = {10, 5, 2, 0}, .denoise = test::toy, .noise = noise};
  int seen = 0;
  input.on_step = [&](const StepInfo&) {
    if (++seen == 2) throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_THROW(sample(find_sampler("euler"), input), Error);
  EXPECT_EQ(seen, 2);
}

TEST_F(SamplersTest, RefuseLevelsThatDoNotFall) {
  test::RecordedNoise noise(noise_);
  SamplerInput input{.x = unit_, .sigmas = {}, .denoise = test::toy, .noise = noise};
  for (const std::vector<double>& sigmas :
       {std::vector<double>{5, 10, 0}, {5, 5, 0}, {5, 0, 0}, {5, -1}, {std::nan(""), 0}}) {
    input.sigmas = sigmas;
    EXPECT_THROW(sample(find_sampler("euler"), input), Error);
  }
}

TEST(SamplerNames, LabelsAndJoinedLabels) {
  ASSERT_EQ(samplers().size(), 15U);
  EXPECT_EQ(find_sampler("Euler a").name, "euler_ancestral");
  EXPECT_EQ(find_sampler("DPM++ 2M SDE").name, "dpmpp_2m_sde");
  EXPECT_EQ(find_sampler("dpm++ 2s A").name, "dpmpp_2s_ancestral");
  const SamplerChoice karras = parse_sampler("DPM++ 2M SDE Karras");
  EXPECT_EQ(karras.sampler->name, "dpmpp_2m_sde");
  EXPECT_EQ(karras.scheduler, "karras");
  const SamplerChoice two_words = parse_sampler("Euler a SGM Uniform");
  EXPECT_EQ(two_words.sampler->name, "euler_ancestral");
  EXPECT_EQ(two_words.scheduler, "sgm_uniform");
  EXPECT_EQ(parse_sampler("DPM2 a Karras").sampler->name, "dpm_2_ancestral");
  EXPECT_EQ(parse_sampler("uni_pc").scheduler, "");
}

TEST(SamplerNames, UnknownNamesListNearOnes) {
  for (const char* wrong : {"dpmpp2m", "DPM++ 2N Karras", "dpmpp_2m_sd"}) {
    try {
      parse_sampler(wrong);
      FAIL() << wrong;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      const bool near =
          e.hint().find("dpmpp_2m") != std::string::npos || e.hint().find("DPM++ 2M") != std::string::npos;
      EXPECT_TRUE(near) << e.what();
    }
  }
}

TEST(SamplerNames, EveryNameIsFoundByItself) {
  for (const Sampler& sampler : samplers()) {
    EXPECT_EQ(&find_sampler(sampler.name), &sampler);
    if (!sampler.label.empty()) {
      EXPECT_EQ(&find_sampler(sampler.label), &sampler);
    }
  }
}

}  // namespace
}  // namespace dq::sampling
