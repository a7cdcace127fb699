// What a run is said to take, against what it takes; and how it is made to fit.
#include "pipeline/memory_plan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "models/control.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

weights::ComponentSet tiny() {
  weights::ComponentSet files;
  files.main = tiny_original();
  return files;
}

models::DenoiserInput random_input(Device& device, std::int64_t n, std::int64_t h, std::int64_t w,
                                   std::int64_t context) {
  models::DenoiserInput input;
  input.x = random_tensor(device, {n, 4, h, w}, 1);
  input.timesteps = {500};
  input.context = random_tensor(device, {n, 77, context}, 2);
  return input;
}

std::int64_t context_width(const weights::ComponentSet& files) {
  return files.main.dim("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", 1);
}

TEST(MemoryPlan, StepsTakeWhatIsSaid) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  for (const auto& [n, h, w] : {std::tuple{2, 48, 48}, std::tuple{1, 96, 64}, std::tuple{2, 99, 131}}) {
    const auto device = ops::make_cpu_device({.threads = 2, .precision = Precision::kF32});
    const auto denoiser = family.load_denoiser(files, *family.detect(files.main), *device);
    const models::DenoiserInput input = random_input(*device, n, h, w, context_width(files));
    const std::int64_t before = device->memory().now;
    (*denoiser)(input);
    const std::int64_t took = device->memory().peak - before;
    const std::int64_t said =
        family.footprint(files, Precision::kF32).step_bytes({.images = n, .h = h, .w = w, .tokens = 77});
    EXPECT_GE(said, took * 9 / 10) << took << " for " << n << " of " << h << "x" << w;
    EXPECT_LE(said, took * 3 / 2) << took << " for " << n << " of " << h << "x" << w;
  }
}

TEST(MemoryPlan, ControlNetsTakeWhatIsSaid) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  const weights::TensorTable file = weights::open_table(golden_path("models/control/net.safetensors"));
  for (const int nets : {1, 2, 3}) {
    const auto device = ops::make_cpu_device({.threads = 2, .precision = Precision::kF32});
    const auto denoiser = family.load_denoiser(files, *family.detect(files.main), *device);
    const std::int64_t without = device->memory().now;
    const auto net = family.load_control_net(file, files, *device);
    const std::int64_t weights = device->memory().now - without;
    const models::ControlFootprint said = family.control_footprint(file, files, Precision::kF32);
    EXPECT_GE(said.weights, weights * 9 / 10);
    EXPECT_LE(said.weights, weights * 3 / 2);
    models::DenoiserInput input = random_input(*device, 2, 64, 48, context_width(files));
    const Tensor hint = random_tensor(*device, {1, 64, 48, 32}, 3);
    const std::vector<models::Control> controls(static_cast<std::size_t>(nets), {net.get(), hint, 0.5});
    input.controls = controls;
    const std::int64_t before = device->memory().now;
    (*denoiser)(input);
    const std::int64_t took = device->memory().peak - before;
    const std::int64_t step = family.footprint(files, Precision::kF32)
                                  .step_bytes({.images = 2, .h = 64, .w = 48, .control_nets = nets});
    EXPECT_GE(step, took * 9 / 10) << took << " for " << nets;
    EXPECT_LE(step, took * 3 / 2) << took << " for " << nets;
  }
}

TEST(MemoryPlan, TheControlPicturesReaderTakesWhatIsSaid) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  const weights::TensorTable file = weights::open_table(golden_path("models/control/net.safetensors"));
  const auto device = ops::make_cpu_device({.threads = 2, .precision = Precision::kF32});
  const auto net = family.load_control_net(file, files, *device);
  const Tensor picture = random_tensor(*device, {1, 768, 512, 3}, 3);
  const std::int64_t before = device->memory().now;
  net->encode(picture);
  const std::int64_t took = device->memory().peak - before;
  const std::int64_t said =
      family.control_footprint(file, files, Precision::kF32).encode_bytes_per_pixel * 768 * 512;
  EXPECT_GE(said, took * 9 / 10) << took;
  EXPECT_LE(said, took * 3 / 2) << took;
}

TEST(MemoryPlan, WeightsTakeWhatIsSaid) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const auto device = ops::make_cpu_device({.threads = 2, .precision = precision});
    const models::Footprint said = family.footprint(files, precision);
    const auto took = [&](const auto& load) {
      const std::int64_t before = device->memory().now;
      const auto part = load();
      return device->memory().now - before;
    };
    const auto check = [](std::int64_t told, std::int64_t measured) {
      EXPECT_GE(told, measured * 9 / 10);
      EXPECT_LE(told, measured * 3 / 2);
    };
    check(said.denoiser,
          took([&] { return family.load_denoiser(files, *family.detect(files.main), *device); }));
    check(said.vae, took([&] { return family.load_vae(files, *device); }));
    EXPECT_EQ(said.text_layers, 4);
  }
}

TEST(MemoryPlan, StreamedWeightsGiveTheSameBitsInLessMemory) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const weights::MatrixBytes all = family.footprint(files, precision).denoiser_matrices;
    const std::int64_t packed = all.packed();
    ASSERT_GT(all.matrices.packed, 0);
    ASSERT_GT(all.kernels.packed, 0);
    const auto device = ops::make_cpu_device({.threads = 2, .precision = precision});
    const models::DenoiserInput input = random_input(*device, 2, 8, 16, context_width(files));
    Tensor whole;
    std::int64_t kept = 0;
    for (const std::int64_t resident :
         {packed, packed - all.matrices.packed / 2, all.kernels.packed / 2, 0L}) {
      weights::LoadOptions options;
      options.resident = resident;
      const std::int64_t before = device->memory().now;
      const auto denoiser = family.load_denoiser(files, *family.detect(files.main), *device, options);
      const std::int64_t takes = device->memory().now - before;
      const Tensor out = (*denoiser)(input);
      if (!whole.defined()) whole = out, kept = takes;
      EXPECT_EQ(relative_error(out, whole), 0) << resident;
      // Panels are filled up to their width, so matrices take a little more than they hold.
      EXPECT_LE(takes, kept - (packed - resident)) << resident << " of " << packed;
      EXPECT_EQ(device->memory().now, before + takes + out.bytes()) << "a streamed weight stays";
    }
  }
}

// A model of round numbers: 100 MB of denoiser, 10 MB a row.
models::Footprint round_model() {
  models::Footprint model;
  model.denoiser = 100 * kMiB;
  model.vae = 10 * kMiB;
  model.text_encoder = 20 * kMiB;
  model.step_bytes = [](const models::StepShape& shape) { return shape.images * shape.h * shape.w * 10'240; };
  return model;
}

pipeline::Request square(int batch) {
  pipeline::Request request;
  request.width = request.height = 256;  // 1024 cells: 10 MiB a row
  request.batch = batch;
  return request;
}

std::int64_t rows_within(std::int64_t bytes, int batch, bool two_passes = true) {
  return pipeline::plan_memory(square(batch), round_model(), {}, {.two_passes = two_passes},
                               {bytes, bytes, true})
      .rows;
}

TEST(MemoryPlan, FewerRowsAtATimeWhenNotAllFit) {
  EXPECT_EQ(rows_within(1000 * kMiB, 4), 8);
  EXPECT_EQ(rows_within(1000 * kMiB, 4, false), 4);
  EXPECT_EQ(rows_within(145 * kMiB, 4), 4);
  EXPECT_EQ(rows_within(125 * kMiB, 4), 2);
  EXPECT_EQ(rows_within(115 * kMiB, 4), 1);
  EXPECT_EQ(rows_within(125 * kMiB, 1), 2);
  EXPECT_EQ(rows_within(115 * kMiB, 1), 1);
}

// Matrices of 180 MB and kernels of 90 MB among 300, the largest of 5 and 10 at their use.
TEST(MemoryPlan, WeightsAreStreamedWhenFewerRowsDoNotHelp) {
  models::Footprint model = round_model();
  model.denoiser = 300 * kMiB;
  model.denoiser_matrices = {{180 * kMiB, 5 * kMiB}, {90 * kMiB, 10 * kMiB}};
  const auto plan = [&](std::int64_t wanted, std::int64_t most) {
    return pipeline::plan_memory(square(1), model, {}, {}, {wanted * kMiB, most * kMiB, true});
  };
  EXPECT_EQ(plan(315, 315).streamed, 0);
  EXPECT_EQ(plan(315, 315).load_options(model).resident, weights::LoadOptions().resident);
  for (const std::int64_t most : {305, 290, 200, 145, 125, 80}) {
    const pipeline::MemoryPlan fits = plan(most, most);
    EXPECT_GT(fits.streamed, 0) << most;
    EXPECT_LE(fits.need.total, most * kMiB);
    EXPECT_GE(fits.need.total, (most - 6) * kMiB) << "more is streamed than needs to be";
    EXPECT_EQ(fits.load_options(model).resident, 270 * kMiB - fits.streamed);
  }
  // All rows at once: 20 + 300 + 5 − 290 megabytes are read once; with one row, 10 fewer twice.
  EXPECT_EQ(plan(290, 290).rows, 2);
  // What little is missing is missing for two rows only.
  EXPECT_EQ(plan(309, 309).rows, 1);
  EXPECT_THROW(plan(50, 50), Error);
  // What is wanted is kept to when streaming can; else what there is.
  EXPECT_LE(plan(200, 250).need.total, 200 * kMiB);
  EXPECT_LE(plan(40, 200).need.total, 200 * kMiB);
  EXPECT_GT(plan(40, 200).need.total, 150 * kMiB);
}

TEST(MemoryPlan, MoreThanIsWantedIsTakenOnlyWhenNothingElseHelps) {
  const auto rows = [](std::int64_t wanted, std::int64_t most) {
    return pipeline::plan_memory(square(1), round_model(), {}, {}, {wanted, most, false}).rows;
  };
  EXPECT_EQ(rows(125 * kMiB, 200 * kMiB), 2);
  EXPECT_EQ(rows(90 * kMiB, 115 * kMiB), 1);
}

TEST(MemoryPlan, WhatNeverFitsIsRefusedWithNumbersAndAWayOut) {
  pipeline::Request request = square(2);
  try {
    pipeline::plan_memory(request, round_model(), {}, {.weights_are_f32 = true},
                          {80 * kMiB, 80 * kMiB, true});
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    for (const char* part : {"256x256", "about 111 MB", "100 MB are weights", "--memory allows 80 MB",
                             "an f16 or bf16 file of the model, or more --memory"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in " << error.what();
  }
  request = square(1);
  request.width = request.height = 16384;
  try {
    pipeline::plan_memory(request, round_model(), {}, {}, {1000 * kMiB, 2048 * kMiB, false});
    FAIL() << "not refused";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("this machine has 2.0 GB free"), std::string::npos) << text;
    EXPECT_NE(text.find("Use a smaller --size"), std::string::npos) << text;
    EXPECT_EQ(text.find("--memory"), std::string::npos) << text;
    EXPECT_EQ(text.find("--batch"), std::string::npos) << text;
  }
}

TEST(MemoryPlan, TheSecondPassAndTheStartingPictureCount) {
  const auto need = [](const pipeline::Request& request) {
    return pipeline::memory_need(request, round_model(), {}, {}, 2).total;
  };
  pipeline::Request request = square(1);
  const std::int64_t plain = need(request);
  request.hires.scale = 2;
  EXPECT_GE(need(request), plain + 60 * kMiB);
  request = square(1);
  request.init_image = "a.png";
  EXPECT_GE(need(request), plain + 10 * kMiB);  // the VAE stays
}

TEST(MemoryPlan, RowsAtATimeGiveTheSameButForRounding) {
  const weights::ComponentSet files = tiny();
  const models::Family& family = *models::families()[0];
  const auto device = ops::make_cpu_device({.threads = 2, .precision = Precision::kF32});
  const auto denoiser = family.load_denoiser(files, *family.detect(files.main), *device);
  models::DenoiserInput input = random_input(*device, 5, 8, 16, context_width(files));
  input.timesteps = {10, 200, 300, 500, 900};
  const Tensor whole = (*denoiser)(input);
  for (const std::int64_t rows : {1, 2, 4, 5}) {
    const Tensor parts = pipeline::RowsAtATime(*denoiser, rows)(input);
    ASSERT_EQ(parts.shape(), whole.shape());
    EXPECT_LE(relative_error(parts, whole), 1e-5) << rows;
  }
  // With a control picture for all, and with one for each.
  const auto net = family.load_control_net(weights::open_table(golden_path("models/control/net.safetensors")),
                                           files, *device);
  for (const std::int64_t pictures : {1, 5}) {
    const std::vector<models::Control> controls{
        {net.get(), random_tensor(*device, {pictures, 8, 16, 32}, 9), 0.7}};
    input.controls = controls;
    const Tensor controlled = (*denoiser)(input);
    EXPECT_GT(relative_error(controlled, whole), 0.01);
    EXPECT_LE(relative_error(pipeline::RowsAtATime(*denoiser, 2)(input), controlled), 1e-5) << pictures;
  }
}

}  // namespace
}  // namespace dq::test
