#include "train/plan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "files/weight_source.h"
#include "train/adapter_network.h"
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

TEST(Plan, ActivationsGrowWithTheBatch) {
  const PassCost pass{500 * kMiB, 200 * kMiB};
  const Plan one = plan_run(request(1), pass, 100, {20 * kMiB, kMiB}),
             four = plan_run(request(4), pass, 60, {10 * kMiB, kMiB});
  EXPECT_EQ(one.peak_bytes, 500 * kMiB);
  // Kept at 25, 50 and 75, and the last; two states while one replaces the other.
  EXPECT_EQ(one.disk_bytes, 24 * kMiB);
  EXPECT_EQ(four.peak_bytes, 1400 * kMiB);
  EXPECT_EQ(four.disk_bytes, 13 * kMiB);  // of a run that goes on: those at 50 and 75, and the last
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
  // The largest batch that fits is named, with as many pictures a step; none where not even one at once fits.
  plan.picture_bytes = 100 * kMiB;
  for (const auto& [memory, hint] : {std::pair{450, "--batch 2 --accumulate 4 (about 300 MB)"},
                                     {250, "--batch 1 --accumulate 8 (about 200 MB)"},
                                     {150, "Use a smaller --resolution"}}) {
    try {
      check_plan(plan, request(4), memory * kMiB, ".");
      FAIL();
    } catch (const Error& error) {
      EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
    }
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
  o.on_plan = [&](const Plan& p, const TrainRequest&) {
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

// A run that cannot fit is told before anything is encoded when the weights alone say so, and else before its
// first step; never by the system that ends the program. What was told is what the run takes.
TEST_F(Planned, WhatIsTrainedIsCountedBeforeItIsLoaded) {
  TrainRequest full = request("out.safetensors");
  full.target = Target::kFull;
  full.optimizer = "prodigy";
  full.average = 0.9;
  pipeline::Request files;
  files.model = full.base;
  const pipeline::OpenModel model = pipeline::open_model(files);
  const std::int64_t standing = standing_bytes(model, full, Precision::kF32);
  std::int64_t peak = 0;
  TrainerOptions o = options();
  o.on_plan = [&](const Plan& p, const TrainRequest&) { peak = p.peak_bytes; };
  full.steps = 1;
  full.warmup = 0;
  train(*device_, full, o);
  EXPECT_LT(standing, peak);
  EXPECT_GT(standing, peak / 2);
  full.optimizer = "adafactor";
  EXPECT_NEAR(static_cast<double>(standing_bytes(model, full, Precision::kF32)),
              static_cast<double>(standing) * 12 / 28, 1);
  TrainRequest text = full;
  text.train_text_encoder = true;
  EXPECT_GT(standing_bytes(model, text, Precision::kF32), standing_bytes(model, full, Precision::kF32));
  TrainRequest control = full, lora = full;
  control.target = Target::kControlNet;
  lora.target = Target::kLora;
  EXPECT_GT(standing_bytes(model, control, Precision::kF32), standing_bytes(model, lora, Precision::kF32));
  try {
    check_standing(standing, full, standing - 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(error.hint().find("no --average"), std::string::npos) << error.hint();
  }
}

TEST_F(Planned, ShortMemoryIsToldBeforeTheFirstStep) {
  TrainRequest r = request("out.safetensors");
  TrainerOptions o = options();
  int steps = 0;
  o.on_progress = [&](const TrainProgress& p) { steps += p.stage == TrainStage::kTraining; };
  const auto refusal = [&](const TrainRequest& asked, std::int64_t memory) {
    device_ = ops::make_cpu_device();
    o.memory = memory;
    try {
      train(*device_, asked, o);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.message();
      return error.message() + " " + error.hint();
    }
    return std::string();
  };
  std::int64_t peak = 0;
  o.on_plan = [&](const Plan& p, const TrainRequest&) { peak = p.peak_bytes; };
  r.checkpointing = Checkpointing::kAlways;
  EXPECT_EQ(refusal(r, 0), "");
  steps = 0;
  // All but what a step needs; less than the model; and an adapter that is larger than what is left.
  EXPECT_NE(refusal(r, peak - 1).find("--batch 1 --accumulate 2"), std::string::npos);
  EXPECT_NE(refusal(r, 100'000).find("at least"), std::string::npos);
  r.network.rank = 2000;
  EXPECT_NE(refusal(r, peak).find("a smaller --rank"), std::string::npos);
  EXPECT_EQ(steps, 0);
  EXPECT_EQ(device_->memory_bound(), 0);
}

// The numbers are the same whether blocks run again or not, and what was said holds: kNever takes more
// memory.
TEST_F(Planned, BlocksRunAgainOrNotForTheSameNumbers) {
  std::string hashes[3];
  std::int64_t peaks[3];
  for (const Checkpointing how : {Checkpointing::kAlways, Checkpointing::kNever, Checkpointing::kAuto}) {
    device_ = ops::make_cpu_device();
    TrainRequest r = request("out.safetensors");
    r.checkpointing = how;
    TrainerOptions o = options();
    const auto i = static_cast<std::size_t>(how);
    o.on_plan = [&](const Plan& p, const TrainRequest&) { peaks[i] = p.peak_bytes; };
    const TrainResult result = train(*device_, r, o);
    const auto file = files::open_weights(result.file);
    hashes[i] = file->metadata().at("sshs_model_hash");
    EXPECT_EQ(file->metadata().contains("ss_gradient_checkpointing"), how != Checkpointing::kAuto);
  }
  EXPECT_EQ(hashes[1], hashes[0]);
  EXPECT_EQ(hashes[2], hashes[0]);
  const auto always = static_cast<std::size_t>(Checkpointing::kAlways),
             never = static_cast<std::size_t>(Checkpointing::kNever);
  EXPECT_GT(peaks[never], peaks[always] * 5 / 4);
}

// Short of memory, blocks run again; with enough of it they do not.
TEST_F(Planned, TheMemoryDecidesWhetherBlocksRunAgain) {
  TrainRequest r = request("out.safetensors");
  pipeline::Request files;
  files.model = r.base;
  const pipeline::OpenModel model = pipeline::open_model(files);
  const auto denoiser =
      model.family->load_denoiser(model.files, model.variant, *device_, weights::Purpose::kAdapt);
  AdapterNetwork network({model, *denoiser, nullptr}, resolve(r, {4, 64, models::Prediction::kEps}),
                         *device_);
  StepInput one;
  const sampling::SigmaTable table(model.variant.schedule, model.variant.prediction);
  one.batch = noise_batch_at(Tensor::full(*device_, {1, 4, 8, 8}, 0.5), table, {}, {500}, 1);
  one.context = Tensor::full(*device_, {1, 77, 48}, 0.1f);
  r.batch = 1;
  int forgotten = 0;
  const auto forget = [&] { ++forgotten; };
  const auto measured = [&](std::int64_t memory) {
    return measure_pass(
        *device_, *denoiser, [&] { return one; }, r, memory, forget);
  };
  EXPECT_TRUE(measured(device_->memory().now).again);
  EXPECT_EQ(forgotten, 0);
  EXPECT_FALSE(measured(std::int64_t{1} << 40).again);
  EXPECT_EQ(forgotten, 1);
}

}  // namespace
}  // namespace dq::train
