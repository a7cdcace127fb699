// How programs turn one seed into the noise of a picture, and torchsde's Brownian tree.
#include <gtest/gtest.h>

#include <numeric>

#include "files/weight_source.h"
#include "sampling/brownian_tree.h"
#include "sampling/noise.h"
#include "sampling/torch_generator.h"
#include "support.h"

namespace dq::sampling {
namespace {

std::vector<float> torch_randn(std::uint64_t seed, std::size_t n) {
  std::vector<float> out(n);
  TorchCpuGenerator(seed).randn(out);
  return out;
}

std::vector<float> image(const Tensor& batch, std::int64_t i) {
  return test::values(batch.slice(0, i, i + 1));
}

class NoiseSourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = ops::make_ref_device();
  const Shape shape_ = {2, 4, 6, 5};
  const std::vector<double> sigmas_ = {10, 5, 1, 0};
};

TEST_F(NoiseSourceTest, BrownianTreeEqualsTorchsde) {
  const auto source = files::open_weights(test::golden_path("sampling/sampling.safetensors"));
  const Tensor queries = test::golden(*source, "brownian.queries", *device_);
  const auto cases = test::golden_json("brownian.json");
  ASSERT_EQ(cases.size(), 10U);
  const double low = 0.029167533F, high = 14.614642F;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const std::string name = "brownian." + std::to_string(c);
    const std::uint64_t seed = std::stoull(cases[c]["seed"].get<std::string>());
    const Shape shape = cases[c]["shape"].get<Shape>();
    const auto n = static_cast<std::size_t>(element_count(shape));
    const Tensor increments = test::golden(*source, name + ".increments", *device_);
    const Tensor noise = test::golden(*source, name + ".noise", *device_);
    BrownianTree tree(low, high, n, seed,
                      [](std::uint64_t s, std::span<float> out) { TorchCpuGenerator(s).randn(out); });
    SeededNoise sampler(NoiseOptions::whole_batch(seed), *device_);
    sampler.begin(NoiseKind::kBrownian, shape, std::vector<double>{high, 1.0, low, 0});
    for (std::int64_t q = 0; q < queries.dim(0); ++q) {
      const float from = queries.data<float>()[2 * q], to = queries.data<float>()[2 * q + 1];
      const std::vector<float> w = tree(std::min(from, to), std::max(from, to));
      // Bits.
      EXPECT_EQ(w, image(increments, q)) << "case " << c << " query " << q;
      // PyTorch's square root of the step (MKL's, when built with it) may be one unit off in the last place,
      // and the division rounds once more: 1½ units are 1.8e-7.
      EXPECT_LE(test::relative_error(test::values(sampler.step(from, to)), image(noise, q)), 1.8e-7);
    }
  }
}

TEST_F(NoiseSourceTest, BrownianIncrementsAddUpInAnyOrder) {
  const SeededRandn randn = [](std::uint64_t s, std::span<float> out) { TorchCpuGenerator(s).randn(out); };
  BrownianTree forward(0.1, 9, 20, 3, randn), backward(0.1, 9, 20, 3, randn);
  const std::vector<float> whole = forward(0.1, 9), a = forward(0.1, 2), b = forward(2, 9);
  const std::vector<float> b2 = backward(2, 9), a2 = backward(0.1, 2);
  EXPECT_EQ(a, a2);
  EXPECT_EQ(b, b2);
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(a[i] + b[i], whole[i], 2e-6);
  EXPECT_EQ(forward(3, 3), std::vector<float>(20, 0.0F));
  EXPECT_EQ(forward(0.01, 20), whole);  // times outside are moved to the ends
}

TEST_F(NoiseSourceTest, WholeBatchIsOneStream) {
  SeededNoise noise(NoiseOptions::whole_batch(5), *device_);
  EXPECT_EQ(test::values(noise.initial(shape_)), torch_randn(5, 240));
  noise.begin(NoiseKind::kIndependent, shape_, sigmas_);
  std::vector<float> two(240), first(240);
  TorchCpuGenerator step(6);
  step.randn(first);
  step.randn(two);
  EXPECT_EQ(test::values(noise.step(10, 5)), first);
  EXPECT_EQ(test::values(noise.step(5, 1)), two);
  EXPECT_EQ(test::values(noise.fresh_mask_noise(shape_)), torch_randn(6, 240));
}

TEST_F(NoiseSourceTest, WholeBatchOnAnNvidiaCardStepsByPhilox) {
  SeededNoise noise(NoiseOptions::whole_batch(5, NoiseStream::kCuda), *device_);
  EXPECT_EQ(test::values(noise.initial(shape_)), torch_randn(5, 240));
  noise.begin(NoiseKind::kIndependent, shape_, sigmas_);
  std::vector<float> want(240);
  PhiloxGenerator philox(5);
  for (int call = 0; call < 2; ++call) {
    philox.randn(want);
    EXPECT_EQ(test::values(noise.step(10, 5)), want);
  }
}

TEST_F(NoiseSourceTest, PerImageSeedsGoUpAndStreamsGoOn) {
  SeededNoise noise(NoiseOptions::by_image(5, NoiseStream::kCpu), *device_);
  const Tensor initial = noise.initial(shape_);
  noise.begin(NoiseKind::kIndependent, shape_, sigmas_);
  const Tensor step = noise.step(10, 5);
  for (std::int64_t i = 0; i < 2; ++i) {
    TorchCpuGenerator generator(5 + static_cast<std::uint64_t>(i));
    std::vector<float> want(120);
    generator.randn(want);
    EXPECT_EQ(image(initial, i), want);
    generator.randn(want);
    EXPECT_EQ(image(step, i), want);
  }
}

TEST_F(NoiseSourceTest, EtaSeedDeltaRestartsTheStepNoise) {
  NoiseOptions options = NoiseOptions::by_image(5, NoiseStream::kCpu);
  options.eta_seed_delta = 31337;
  SeededNoise noise(options, *device_);
  noise.initial(shape_);
  noise.begin(NoiseKind::kIndependent, shape_, sigmas_);
  EXPECT_EQ(image(noise.step(10, 5), 1), torch_randn(5 + 31337 + 1, 120));
}

TEST_F(NoiseSourceTest, PerImageTreesAreThoseOfSinglePictures) {
  SeededNoise batch(NoiseOptions::by_image(5, NoiseStream::kCpu), *device_);
  SeededNoise second(NoiseOptions::by_image(6, NoiseStream::kCpu), *device_);
  batch.begin(NoiseKind::kBrownian, shape_, sigmas_);
  second.begin(NoiseKind::kBrownian, {1, 4, 6, 5}, sigmas_);
  EXPECT_EQ(image(batch.step(10, 5), 1), test::values(second.step(10, 5)));
}

// ComfyUI's churn draws from the generator that made the initial noise.
TEST_F(NoiseSourceTest, ChurnContinuesTheInitialStream) {
  SeededNoise noise(NoiseOptions::whole_batch(5), *device_);
  noise.initial(shape_);
  noise.begin(NoiseKind::kNone, shape_, sigmas_);
  TorchCpuGenerator generator(5);
  std::vector<float> want(240);
  generator.randn(want);
  generator.randn(want);
  EXPECT_EQ(test::values(noise.churn()), want);
}

TEST_F(NoiseSourceTest, UnannouncedStepNoiseIsAnError) {
  SeededNoise noise(NoiseOptions::whole_batch(5), *device_);
  noise.begin(NoiseKind::kNone, shape_, sigmas_);
  EXPECT_THROW(noise.step(10, 5), Error);
  EXPECT_THROW(noise.initial({4, 4}), Error);
}

}  // namespace
}  // namespace dq::sampling
