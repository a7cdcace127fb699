#include "train/validation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/tiny_model.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::train {
namespace {

Dataset pictures(std::size_t count) {
  Dataset data;
  data.pictures.resize(count);
  return data;
}

TEST(Validation, FewPicturesAreAllTrainedOn) {
  const ValidationChoice few = choose_validation(pictures(10), 1);
  EXPECT_FALSE(few.held_out);
  EXPECT_EQ(few.pictures.size(), 8u);
  EXPECT_EQ(choose_validation(pictures(3), 1).pictures.size(), 3u);
}

TEST(Validation, OfManyAFewAreHeldOut) {
  const ValidationChoice some = choose_validation(pictures(64), 1);
  EXPECT_TRUE(some.held_out);
  EXPECT_EQ(some.pictures.size(), 4u);
  EXPECT_TRUE(std::is_sorted(some.pictures.begin(), some.pictures.end()));
  EXPECT_LT(some.pictures.back(), 64u);
  EXPECT_EQ(choose_validation(pictures(64), 1).pictures, some.pictures);
  EXPECT_NE(choose_validation(pictures(64), 2).pictures, some.pictures);
  EXPECT_EQ(choose_validation(pictures(10'000), 1).pictures.size(), 16u);
}

// A denoiser that answers with the noise itself makes no error; one that answers with nothing misses all of
// it, 1 on average.
class Fixed final : public models::Denoiser {
 public:
  explicit Fixed(bool knows) : knows_(knows) {}
  Tensor operator()(const models::DenoiserInput& input) const override {
    calls.push_back(input.timesteps);
    return knows_ ? input.x : Tensor::zeros(input.x.device(), DType::kF32, input.x.shape());
  }
  mutable std::vector<std::vector<double>> calls;

 private:
  bool knows_;
};

TEST(Validation, MeasuresTheErrorAtFourLevelsOfFixedNoise) {
  const auto device = ops::make_cpu_device();
  const sampling::SigmaTable table({}, models::Prediction::kEps);
  ValidationItem item{Tensor::zeros(*device, DType::kF32, {1, 4, 16, 16}),
                      Tensor::zeros(*device, DType::kF32, {1, 77, 8}),
                      {}};
  const Fixed silent(false);
  const double loss = validation_loss(*device, silent, {item, item}, table, {}, 5);
  EXPECT_NEAR(loss, 1, 0.1);
  EXPECT_EQ(validation_loss(*device, silent, {item, item}, table, {}, 5), loss);
  EXPECT_NE(validation_loss(*device, silent, {item, item}, table, {}, 6), loss);
  ASSERT_EQ(silent.calls[0], (std::vector<double>{125, 375, 625, 875}));
  // Of an empty latent the input is noise·√(1 − ᾱ): an answer that repeats it is nearer.
  EXPECT_LT(validation_loss(*device, Fixed(true), {item, item}, table, {}, 5), 0.3 * loss);
}

}  // namespace
}  // namespace dq::train
