// Whole runs on the small golden model: it learns, the same seed gives the same file, a run that was stopped
// goes on to the same file, and what goes wrong is told.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "files/weight_source.h"
#include "train/run_state.h"
#include "train/samples.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class Trainer : public TrainingFolder {};

TEST_F(Trainer, WritesALoraThatProgramsKnow) {
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  const TrainResult result = train(*device_, request("out.safetensors"), o);
  EXPECT_EQ(result.steps, 12);
  EXPECT_EQ(media::read_image(folder_.path() / "logs" / "loss.png").width, 960);
  EXPECT_GT(fs::file_size(folder_.path() / "logs" / "events.out.tfevents.0.danqing"), 12 * 40u);
  EXPECT_EQ(result.data.pictures.size(), 4u);
  // Base and three strengths of the one prompt that the captions gave, and the last of them as the thumbnail.
  EXPECT_EQ(result.request.samples, std::vector<std::string>{"sks, picture 0"});
  EXPECT_EQ(result.grid, folder_.path() / "logs" / "grid.png");
  EXPECT_EQ(media::read_image(result.grid).width, 4 * 64 + 5 * 4);
  EXPECT_TRUE(std::isfinite(result.loss));
  const auto file = files::open_weights(result.file);
  EXPECT_EQ(file->tensors().size(), 3 * 192u);
  const files::TensorEntry* down =
      file->find("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight");
  ASSERT_TRUE(down);
  EXPECT_EQ(down->shape, (Shape{4, 32, 1, 1}));
  EXPECT_EQ(down->dtype, DType::kF16);
  EXPECT_EQ(
      file->find("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight")->shape,
      (Shape{64, 4}));
  EXPECT_EQ(file->find("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.alpha")->shape,
            Shape{});
  EXPECT_EQ(file->metadata().at("ss_base_model_version"), "sd_v1");
  EXPECT_EQ(file->metadata().at("ss_network_dim"), "4");
  EXPECT_EQ(file->metadata().at("ss_steps"), "12");
  EXPECT_TRUE(file->metadata().at("modelspec.thumbnail").starts_with("data:image/jpeg;base64,/9j/"));
  EXPECT_EQ(file->metadata().at("sshs_model_hash").size(), 64u);
  // Every `up` has left 0.
  for (const files::TensorEntry& entry : file->tensors()) {
    if (!entry.name.ends_with("lora_up.weight")) continue;
    const Tensor up = test::golden(*file, entry.name, *device_);
    bool moved = false;
    for (std::int64_t i = 0; i < up.count(); ++i) moved |= up.data<float>()[i] != 0;
    EXPECT_TRUE(moved) << entry.name;
  }
}

// Products in bf16: another file than in f32, which says so, and nearly the same loss.
TEST_F(Trainer, TrainsInBf16) {
  const TrainResult full = train(*device_, request("f32.safetensors"), options());
  const auto bf16 = ops::make_cpu_device({.precision = Precision::kBF16});
  const TrainResult half = train(*bf16, request("bf16.safetensors"), options());
  EXPECT_NEAR(half.loss, full.loss, 0.02 * full.loss);
  EXPECT_NE(half.loss, full.loss);
  EXPECT_EQ(files::open_weights(half.file)->metadata().at("ss_mixed_precision"), "bf16");
  EXPECT_EQ(files::open_weights(full.file)->metadata().at("ss_mixed_precision"), "no");
  // A state of one is no state for the other.
  TrainerOptions o = options();
  o.resume = true;
  EXPECT_THROW(train(*bf16, request("f32.safetensors"), o), Error);
}

// With a rate far below bf16's last place nothing would move by rounding to the nearest.
TEST_F(Trainer, Bf16WeightsLearnByChanceRounding) {
  TrainRequest r = request("out.safetensors");
  r.target = Target::kFull;
  r.bf16_weights = true;
  r.rate = 1e-5;
  r.paint_samples = false;
  const TrainResult result = train(*device_, r, options());
  const auto file = files::open_weights(result.file);
  const auto base = files::open_weights(base_ / "unet/diffusion_pytorch_model.safetensors");
  const files::TensorEntry* entry = file->find("model.diffusion_model.input_blocks.4.0.in_layers.2.weight");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->dtype, DType::kBF16);
  const Tensor now = test::golden(*file, entry->name, *device_),
               before = test::golden(*base, "down_blocks.1.resnets.0.conv1.weight", *device_);
  int moved = 0;
  for (std::int64_t i = 0; i < now.count(); ++i) {
    const BFloat16 nearest = to_bfloat16(before.data<float>()[i]);
    moved += now.data<float>()[i] != to_float(nearest);
  }
  EXPECT_GT(moved, now.count() / 200);
  EXPECT_LT(moved, now.count() / 2);
  // The leaves are what was written, and the same seed gives the same file.
  const Tensor leaf = test::golden(*files::open_weights(state_path(r.output)),
                                   "parameter.denoiser.input_blocks.4.0.in_layers.2.weight", *device_);
  EXPECT_EQ(test::relative_error(leaf, now), 0);
  const std::string first = bytes(r.output);
  train(*device_, r, options());
  EXPECT_TRUE(bytes(r.output) == first);
}

// Every kind trains, its file says what it is, and it is painted with.
TEST_F(Trainer, WritesEveryKindOfNetwork) {
  using weights::AdapterKind;
  struct Kind {
    AdapterKind kind;
    const char *part, *arguments;  // a tensor that began as 0, or nearly so; ss_network_args
  };
  for (const auto& [kind, part, arguments] :
       {Kind{AdapterKind::kLoha, "hada_w2_a", R"({"algo":"loha","conv_alpha":"2","conv_dim":"2"})"},
        Kind{AdapterKind::kLokr, "lokr_w2", R"({"algo":"lokr","conv_alpha":"2","conv_dim":"2"})"},
        Kind{AdapterKind::kDora, "lora_up.weight",
             R"({"algo":"lora","conv_alpha":"2","conv_dim":"2","dora_wd":"True"})"},
        Kind{AdapterKind::kOft, "oft_blocks", R"({"algo":"diag-oft","conv_alpha":"2","conv_dim":"2"})"}}) {
    TrainRequest r = request("out.safetensors");
    r.steps = 2;
    r.network.kind = kind;
    r.network.conv_rank = 2;
    TrainerOptions o = options();
    o.logs = folder_.path() / "logs";
    const TrainResult result = train(*device_, r, o);
    const auto file = files::open_weights(result.file);
    EXPECT_EQ(file->metadata().at("ss_network_module"), "lycoris.kohya");
    EXPECT_EQ(file->metadata().at("ss_network_args"), arguments);
    int moved = 0, all = 0;
    for (const files::TensorEntry& entry : file->tensors()) {
      // The first half of a product is not among them.
      if (entry.name.find(part) == std::string::npos || entry.name.ends_with("lokr_w2_a")) continue;
      const Tensor numbers = test::golden(*file, entry.name, *device_);
      bool any = false;
      for (std::int64_t i = 0; i < numbers.count(); ++i) any |= numbers.data<float>()[i] != 0;
      moved += any;
      ++all;
    }
    EXPECT_GT(all, 192) << weights::to_string(kind);
    EXPECT_EQ(moved, all) << weights::to_string(kind);
    // The grid's last column is painted with the file at strength 1: it differs from the base's.
    const media::Image grid = media::read_image(result.grid);
    int different = 0;
    for (int y = 30; y < grid.height; ++y) {
      for (int x = 4; x < 68; ++x)
        different +=
            !std::equal(grid.row(y) + 3 * x, grid.row(y) + 3 * x + 3, grid.row(y) + 3 * (x + 3 * 68));
    }
    EXPECT_GT(different, 50) << weights::to_string(kind);
    fs::remove(folder_.path() / "out.safetensors.state");
  }
}

// The same numbers under other programs' names.
TEST_F(Trainer, WritesTheNamesThatWereAskedFor) {
  TrainRequest r = request("kohya.safetensors");
  r.steps = 2;
  r.network.alpha = 2;  // of rank 4
  const auto kohya = files::open_weights(train(*device_, r, options()).file);
  const Tensor up =
      test::golden(*kohya, "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", *device_);
  using models::AdapterNames;
  for (const auto& [names, module] :
       {std::pair{AdapterNames::kDiffusers, "unet.down_blocks.0.attentions.0.proj_in"},
        std::pair{AdapterNames::kComfy, "diffusion_model.input_blocks.1.1.proj_in"}}) {
    r.output = (folder_.path() / "other.safetensors").string();
    r.network.names = names;
    const auto file = files::open_weights(train(*device_, r, options()).file);
    EXPECT_EQ(file->tensors().size(), 2 * 192u);
    ASSERT_TRUE(file->find(std::string(module) + ".lora_A.weight")) << module;
    const Tensor b = test::golden(*file, std::string(module) + ".lora_B.weight", *device_);
    ASSERT_EQ(b.shape(), up.shape());
    for (std::int64_t i = 0; i < up.count(); ++i)
      EXPECT_NEAR(b.data<float>()[i], up.data<float>()[i] / 2, 1e-7);
  }
  r.network.kind = weights::AdapterKind::kLoha;
  r.network.names = AdapterNames::kDiffusers;
  EXPECT_THROW(train(*device_, r, options()), Error);
}

TEST_F(Trainer, TheSameSeedGivesTheSameFile) {
  train(*device_, request("one.safetensors"), options());
  TrainRequest again = request("two.safetensors");
  train(*device_, again, options());
  // Names differ, and with them one entry of the metadata.
  const auto one = files::open_weights(folder_.path() / "one.safetensors"),
             two = files::open_weights(folder_.path() / "two.safetensors");
  EXPECT_EQ(one->metadata().at("sshs_model_hash"), two->metadata().at("sshs_model_hash"));
  fs::rename(folder_.path() / "one.safetensors", folder_.path() / "kept");
  train(*device_, request("one.safetensors"), options());
  EXPECT_TRUE(bytes(folder_.path() / "one.safetensors") == bytes(folder_.path() / "kept"));
  again.seed = 12;
  train(*device_, again, options());
  EXPECT_NE(files::open_weights(folder_.path() / "two.safetensors")->metadata().at("sshs_model_hash"),
            one->metadata().at("sshs_model_hash"));
}

TEST_F(Trainer, AStoppedRunGoesOnToTheSameFile) {
  train(*device_, request("out.safetensors"), options());
  const std::string straight = bytes(folder_.path() / "out.safetensors");
  fs::remove(folder_.path() / "out.safetensors");
  for (const int stop : {3, 8}) {
    int asked = 0;
    TrainerOptions o = options();
    o.resume = stop == 8;
    const int before = stop == 8 ? 3 : 0;
    // Asked once a picture while encoding, twice while a step is measured, and then before each step.
    o.cancelled = [&asked, stop, before] { return ++asked > 6 + stop - before; };
    try {
      train(*device_, request("out.safetensors"), o);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
      EXPECT_NE(error.message().find(std::to_string(stop)), std::string::npos) << error.message();
    }
    EXPECT_FALSE(fs::exists(folder_.path() / "out.safetensors"));
  }
  TrainerOptions o = options();
  o.resume = true;
  train(*device_, request("out.safetensors"), o);
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == straight);
}

// A constant run goes on to an end that it was not told of when it began.
TEST_F(Trainer, AConstantRunMayBeToldToEnd) {
  TrainRequest r = request("out.safetensors");
  r.schedule = "constant";
  r.decay_steps = 4;
  train(*device_, r, options());
  const std::string straight = bytes(folder_.path() / "out.safetensors");
  r.decay_steps = 0;
  train(*device_, r, options());
  EXPECT_FALSE(bytes(folder_.path() / "out.safetensors") == straight);
  const int steps = r.steps;
  r.steps = 5;
  train(*device_, r, options());
  r.steps = steps;
  r.decay_steps = 4;
  TrainerOptions o = options();
  o.resume = true;
  train(*device_, r, o);
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == straight);
}

TEST_F(Trainer, AStateOfAnotherRunIsRefused) {
  train(*device_, request("out.safetensors"), options());
  TrainRequest other = request("out.safetensors");
  other.network.rank = 8;
  TrainerOptions o = options();
  o.resume = true;
  EXPECT_THROW(train(*device_, other, o), Error);
}

// A cosine that ends with the whole rate is no cosine.
TEST_F(Trainer, AFallingRateMayEndAboveZero) {
  TrainRequest r = request("out.safetensors");
  const auto numbers = [&] {
    train(*device_, r, options());
    return files::open_weights(r.output)->metadata().at("sshs_model_hash");
  };
  r.last_rate = 1;
  const std::string flat = numbers();
  r.schedule = "constant";
  EXPECT_EQ(numbers(), flat);
  r.schedule = "cosine";
  r.last_rate = 0;
  EXPECT_NE(numbers(), flat);
}

// The loss on the same noise must fall: the network is fitted to four pictures.
TEST_F(Trainer, Learns) {
  TrainRequest r = request("out.safetensors");
  r.steps = 150;
  r.rate = 4e-3;
  r.network.rank = 16;
  r.captions.shuffle = r.flip = false;
  r.schedule = "constant";
  r.save_every = 1000;
  double first = 0;
  TrainerOptions o = options();
  o.on_progress = [&](const TrainProgress& p) {
    if (p.stage == TrainStage::kTraining && p.done == 50) first = p.loss;
  };
  const TrainResult result = train(*device_, r, o);
  EXPECT_LT(result.loss, 0.9 * first) << first;
}

// A rate that throws the network about: the run goes back, with half the rate, until it holds or gives up.
// What was saved is sound, so that going back gets somewhere.
TEST_F(Trainer, ALossThatFallsApartIsGoneBackFrom) {
  TrainRequest r = request("out.safetensors");
  r.target = Target::kFull;
  r.optimizer = "lion";
  r.steps = 150;
  r.rate = 1;
  r.schedule = "constant";
  r.warmup = 140;  // sound at first
  r.save_every = 20;
  r.keep_every = 0;
  r.paint_samples = false;
  try {
    train(*device_, r, options());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_NE(error.hint().find("--rate"), std::string::npos) << error.what();
  }
  // Where it falls apart depends on the last bits of the arithmetic. But it goes back four times, with half
  // the rate each time, to a saving, and never to an earlier one than before.
  std::vector<int> steps;
  for (std::size_t at = 0; (at = log_.find("back to step ", at)) != std::string::npos; ++at) {
    steps.push_back(std::stoi(log_.substr(at + 13)));
  }
  ASSERT_EQ(steps.size(), 4u) << log_;
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end())) << log_;
  for (const int step : steps) EXPECT_EQ(step % 20, 0) << log_;
  std::size_t after = 0;
  for (const char* rate :
       {"with a rate of 0.5 ", "with a rate of 0.25 ", "with a rate of 0.12 ", "with a rate of 0.062 "}) {
    after = log_.find(rate, after);
    ASSERT_NE(after, std::string::npos) << rate << log_;
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "out.safetensors"));
}

// What keeps sample pictures from being painted is told; the run goes on, and its file is there.
TEST_F(Trainer, GoesOnWhereSamplesCannotBePainted) {
  TrainRequest r = request("out.safetensors");
  r.keep_every = 4;
  r.samples = {"sks"};
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  fs::create_directories(o.logs / "sample-step00000004-1.png");
  fs::create_directories(o.logs / "grid.png");
  const TrainResult result = train(*device_, r, o);
  EXPECT_EQ(result.steps, 12);
  EXPECT_TRUE(fs::exists(result.file));
  EXPECT_TRUE(result.grid.empty());
  EXPECT_TRUE(fs::is_regular_file(o.logs / "sample-step00000008-1.png"));
  const std::string told = "There are no sample pictures";
  const std::size_t first = log_.find(told);
  ASSERT_NE(first, std::string::npos) << log_;
  EXPECT_NE(log_.find(told, first + 1), std::string::npos) << log_;
}

// Each picture in three cuts, all of them encoded before the first step; the run is as reproducible as
// others.
TEST_F(Trainer, PicturesAreCutInSeveralWays) {
  TrainRequest r = request("out.safetensors");
  r.keep_every = 0;
  r.flip = false;
  TrainerOptions o = options();
  const auto hash = [&] {
    train(*device_, r, o);
    return files::open_weights(r.output)->metadata().at("sshs_model_hash");
  };
  const auto cached = [&] {
    return std::distance(fs::directory_iterator(o.cache), fs::directory_iterator());
  };
  const std::string one = hash();
  const auto before = cached();
  r.crops = 3;
  const std::string three = hash();
  EXPECT_GT(cached() - before, 4);  // pictures so small may be cut alike twice
  EXPECT_LE(cached() - before, 4 * 2);
  EXPECT_NE(three, one);
  EXPECT_EQ(hash(), three);
  EXPECT_EQ(files::open_weights(r.output)->metadata().at("ss_random_crop"), "True");
  r.crops = 0;
  r.output += "2";
  expect_refused(r, "--crop-jitter must be from 1 to 100");
}

// Files along the way are kept, measured on the same noise, and the best of them is named.
TEST_F(Trainer, NamesTheBestOfTheKeptFiles) {
  TrainRequest r = request("out.safetensors");
  r.keep_every = 4;
  const TrainResult result = train(*device_, r, options());
  const std::map<std::int64_t, float>& losses = result.validation;
  EXPECT_TRUE(losses.contains(4) && losses.contains(5) && losses.contains(8) && losses.contains(12));
  EXPECT_TRUE(fs::exists(folder_.path() / "out-step00000004.safetensors"));
  EXPECT_TRUE(fs::exists(folder_.path() / "out-step00000008.safetensors"));
  EXPECT_FALSE(fs::exists(folder_.path() / "out-step00000012.safetensors"));
  for (const std::int64_t step : {4, 8, 12}) EXPECT_GE(losses.at(step), losses.at(result.best_step));
  EXPECT_EQ(result.kept, 3);
  EXPECT_EQ(result.best,
            result.best_step == 12
                ? result.file
                : folder_.path() / ("out-step0000000" + std::to_string(result.best_step) + ".safetensors"));
  // The same noise: a second run measures the same.
  EXPECT_EQ(train(*device_, r, options()).validation, losses);
  r.keep_every = 0;
  EXPECT_EQ(train(*device_, r, options()).best, result.file);
}

// Asked for, pictures come with every kept file, from the file as it was written.
TEST_F(Trainer, SamplesComeAlongTheWay) {
  TrainRequest r = request("out.safetensors");
  r.keep_every = 6;
  r.samples = {"sks", "a picture"};
  r.sample_steps = 2;
  r.rate = 2e-2;
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  const TrainResult result = train(*device_, r, o);
  const media::Image along = media::read_image(o.logs / "sample-step00000006-2.png");
  r = result.request;
  const auto paint = [&](const fs::path& file, double strength) {
    return paint_samples(*device_, r, {file, strength}, {})[1];
  };
  EXPECT_TRUE(paint(folder_.path() / "out-step00000006.safetensors", 1) == along);
  EXPECT_FALSE(paint(folder_.path() / "out.safetensors", 1) == along);
  EXPECT_TRUE(paint(folder_.path() / "out.safetensors", 0) == paint({}, 1));
  EXPECT_EQ(media::read_image(result.grid).height, 2 * 64 + 2 * 4 + 18);
}

TEST_F(Trainer, AFolderThatChangedIsNotGoneOnWith) {
  TrainRequest r = request("out.safetensors");
  r.keep_every = 0;
  train(*device_, r, options());
  fs::remove(pictures_ / "a.png");
  TrainerOptions o = options();
  o.resume = true;
  try {
    train(*device_, r, o);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("pictures 4"), std::string::npos) << error.message();
  }
}

TEST_F(Trainer, WhatIsWrongIsToldBeforeTheFirstStep) {
  TrainRequest r = request("out.safetensors");
  r.folder = (folder_.path() / "absent").string();
  EXPECT_THROW(train(*device_, r, options()), Error);
  r = request("out.safetensors");
  r.base = test::golden_path("models/vae.safetensors");
  EXPECT_THROW(train(*device_, r, options()), Error);
  r = request("out.safetensors");
  r.optimizer = "sgd";
  EXPECT_THROW(train(*device_, r, options()), Error);
  r = request("out.safetensors");
  r.rate = 1e9;
  EXPECT_THROW(train(*device_, r, options()), Error);
  EXPECT_FALSE(fs::exists(state_path(r.output)));
}

}  // namespace
}  // namespace dq::train
