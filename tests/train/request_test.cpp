#include "train/request.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace dq::train {
namespace {

TrainingFacts facts(std::size_t pictures) {
  return {.pictures = pictures, .native_size = 512, .prediction = models::Prediction::kEps};
}

TEST(TrainRequestTest, DefaultsGoByTheNumberOfPictures) {
  const TrainRequest few = resolve({}, facts(3)), some = resolve({}, facts(15)),
                     many = resolve({}, facts(500));
  EXPECT_EQ(few.steps, 600);
  EXPECT_EQ(some.steps, 900);
  EXPECT_EQ(many.steps, 1500);
  EXPECT_EQ(few.network.rank, 16);
  EXPECT_EQ(many.network.rank, 32);
  EXPECT_EQ(some.network.alpha, 16);
  EXPECT_EQ(some.resolution, 512);
  EXPECT_EQ(some.rate, 2e-4);
  EXPECT_EQ(some.text_rate, 5e-5);
  EXPECT_EQ(some.warmup, 45);
  EXPECT_EQ(resolve({}, facts(1)).batch, 1);
  TrainRequest own;
  own.steps = 10;
  own.rate = 1e-3;
  EXPECT_EQ(resolve(own, facts(15)).steps, 10);
  EXPECT_EQ(resolve(own, facts(15)).warmup, 0);
  EXPECT_EQ(resolve(own, facts(15)).rate, 1e-3);
}

TEST(TrainRequestTest, OutOfRangeIsRefusedByName) {
  const auto refused = [](const char* option, auto change) {
    TrainRequest r;
    change(r);
    try {
      resolve(r, facts(5));
      ADD_FAILURE() << option;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(option), std::string::npos) << error.message();
    }
  };
  refused("--steps", [](TrainRequest& r) { r.steps = -1; });
  refused("--batch", [](TrainRequest& r) { r.batch = 5000; });
  refused("--rate", [](TrainRequest& r) { r.rate = std::numeric_limits<double>::quiet_NaN(); });
  refused("--rank", [](TrainRequest& r) { r.network.rank = 10000; });
  refused("--warmup", [](TrainRequest& r) { r.steps = 10, r.warmup = 11; });
  refused("--noise-offset", [](TrainRequest& r) { r.objective.noise_offset = -0.1; });
}

TEST(TrainRequestTest, TheTextTellsRunsApart) {
  const TrainRequest one = resolve({}, facts(5));
  EXPECT_EQ(to_text(one), to_text(resolve({}, facts(5))));
  TrainRequest other = one;
  other.seed = 1;
  EXPECT_NE(to_text(other), to_text(one));
  other = one;
  other.save_every = 7;  // does not change what is learned
  EXPECT_EQ(to_text(other), to_text(one));
}

}  // namespace
}  // namespace dq::train
