#include "train/plan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

TrainRequest request(int batch) {
  TrainRequest r;
  r.batch = batch;
  r.accumulation = 2;
  r.steps = 100;
  r.keep_every = 25;
  return r;
}

TEST(Plan, ActivationsAndTimeGrowWithTheBatch) {
  const PassCost pass{1.5, 500 * kMiB, 200 * kMiB};
  const Plan one = plan_run(request(1), pass, 100, 10 * kMiB, kMiB),
             four = plan_run(request(4), pass, 60, 0, 0);
  EXPECT_DOUBLE_EQ(one.seconds_per_step, 3);
  EXPECT_EQ(one.peak_bytes, 500 * kMiB);
  // Kept at 25, 50 and 75, and the last; two states while one replaces the other.
  EXPECT_EQ(one.disk_bytes, 24 * kMiB);
  EXPECT_DOUBLE_EQ(four.seconds_per_step, 12);
  EXPECT_EQ(four.peak_bytes, 1400 * kMiB);
  EXPECT_EQ(four.steps, 60);
}

TEST(Plan, WhatDoesNotFitIsRefusedWithAWayOut) {
  Plan plan;
  plan.peak_bytes = 500 * kMiB;
  EXPECT_NO_THROW(check_plan(plan, request(4), 500 * kMiB, "."));
  try {
    check_plan(plan, request(4), 400 * kMiB, ".");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(error.message().find("500 MB"), std::string::npos) << error.message();
  }
  plan.disk_bytes = std::int64_t{1} << 60;
  try {
    check_plan(plan, request(1), 500 * kMiB, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDiskFull);
  }
}

class Planned : public TrainingFolder {};

// The plan comes before the first step, and the run keeps to it: nothing alive at any moment was not in it.
TEST_F(Planned, IsMeasuredAndHolds) {
  TrainRequest r = request("out.safetensors");
  r.flip = false;
  Plan plan;
  int steps = 0;
  TrainerOptions o = options();
  o.on_plan = [&](const Plan& p) {
    EXPECT_EQ(steps, 0);
    plan = p;
  };
  o.on_progress = [&](const TrainProgress& p) { steps += p.stage == TrainStage::kTraining; };
  train(*device_, r, o);
  EXPECT_EQ(steps, 12);
  EXPECT_EQ(plan.steps, 12);
  EXPECT_GT(plan.seconds_per_step, 0);
  const std::int64_t peak = device_->memory().peak;
  EXPECT_GE(plan.peak_bytes, peak * 8 / 10);
  EXPECT_LE(plan.peak_bytes, peak * 2);
}

}  // namespace
}  // namespace dq::train
