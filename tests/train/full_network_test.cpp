// Training whole models: every weight moves, the file is a checkpoint that opens like any other, and a run
// that was stopped goes on to the same file.
#include <cmath>

#include "base/error.h"
#include "files/weight_source.h"
#include "pipeline/model_files.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  double most = a.shape() == b.shape() ? 0 : 1e9;
  for (std::int64_t i = 0; i < a.count() && most < 1e9; ++i) {
    most = std::max(
        most, std::abs(static_cast<double>(a.data<float>()[i]) - static_cast<double>(b.data<float>()[i])));
  }
  return most;
}

class Full : public TrainingFolder {
 protected:
  TrainRequest full(const std::string& output) {
    TrainRequest r = request(output);
    r.target = Target::kFull;
    r.rate = 1e-3;
    r.steps = 6;
    r.save_every = 2;
    r.train_text_encoder = true;
    return r;
  }
  std::shared_ptr<const files::WeightSource> open(const std::string& output) {
    return files::open_weights(folder_.path() / output);
  }
  pipeline::OpenModel model(const fs::path& file) {
    pipeline::Request files;
    files.model = file.string();
    return pipeline::open_model(files);
  }
  Tensor context(const fs::path& file, const std::string& caption) {
    const pipeline::OpenModel m = model(file);
    const auto encoder = m.family->load_text_encoder(m.files, *device_);
    return encoder->captions(std::span(&caption, 1), 1).context;
  }
};

TEST_F(Full, MovesEveryWeightAndKeepsTheVae) {
  train(*device_, full("start.safetensors"), options());
  TrainRequest more = full("out.safetensors");
  more.base = (folder_.path() / "start.safetensors").string();
  more.captions.dropout = 0;
  const TrainResult result = train(*device_, more, options());
  EXPECT_TRUE(std::isfinite(result.loss));
  const auto before = open("start.safetensors"), after = open("out.safetensors");
  ASSERT_EQ(before->tensors().size(), after->tensors().size());
  int moved = 0, stayed = 0;
  for (const files::TensorEntry& entry : after->tensors()) {
    const Tensor a = test::golden(*before, entry.name, *device_),
                 b = test::golden(*after, entry.name, *device_);
    const bool same = largest_difference(a, b) == 0;
    if (entry.name.starts_with("first_stage_model.")) {
      EXPECT_TRUE(same) << entry.name;
      ++stayed;
    } else if (!entry.name.ends_with("bias")) {  // some biases are small beside f16's steps
      EXPECT_FALSE(same) << entry.name;
      ++moved;
    }
  }
  EXPECT_GT(moved, 400);
  EXPECT_EQ(stayed, 244);
  EXPECT_EQ(after->metadata().at("modelspec.architecture"), "stable-diffusion-v1");
  EXPECT_FALSE(after->metadata().contains("ss_network_dim"));
}

TEST_F(Full, TheCheckpointSpeaksTheLanguageOfItsBase) {
  TrainRequest r = full("out.safetensors");
  r.steps = 1;
  r.warmup = 0;
  r.rate = 1e-8;
  train(*device_, r, options());
  // A vocabulary and heads of its own went along: the same words give the same encoding, but for f16.
  EXPECT_EQ(open("out.safetensors")->metadata().at("tokenizer/merges.txt"), test::tiny_merges());
  const Tensor base = context(base_, "sks, picture 3"),
               ours = context(folder_.path() / "out.safetensors", "sks, picture 3");
  EXPECT_LE(test::relative_error(ours, base), 1e-3);
  EXPECT_GT(test::relative_error(context(folder_.path() / "out.safetensors", "picture"), base), 0.1);
}

// From scratch with a text encoder that was taught before: only the denoiser begins anew.
TEST_F(Full, AKnowingTextEncoderMayStayWhereItIs) {
  TrainRequest r = full("out.safetensors");
  r.from_scratch = true;
  r.steps = 1;
  r.warmup = 0;
  r.rate = r.text_rate = 1e-8;
  r.keep_text_encoder = true;
  train(*device_, r, options());
  const Tensor base = context(base_, "sks, picture 3");
  EXPECT_LE(test::relative_error(context(folder_.path() / "out.safetensors", "sks, picture 3"), base), 1e-3);
  const auto kept = open("out.safetensors");
  const auto unet = files::open_weights(base_ / "unet/diffusion_pytorch_model.safetensors");
  EXPECT_GT(largest_difference(test::golden(*kept, "model.diffusion_model.time_embed.0.weight", *device_),
                               test::golden(*unet, "time_embedding.linear_1.weight", *device_)),
            0.01);
  r.keep_text_encoder = false;
  train(*device_, r, options());
  EXPECT_GT(test::relative_error(context(folder_.path() / "out.safetensors", "sks, picture 3"), base), 0.5);
}

TEST_F(Full, WithoutTheTextEncoderItStaysAsItWas) {
  TrainRequest r = full("out.safetensors");
  r.train_text_encoder = false;
  r.rate = 1e-2;
  train(*device_, r, options());
  const Tensor base = context(base_, "sks"), ours = context(folder_.path() / "out.safetensors", "sks");
  EXPECT_LE(test::relative_error(ours, base), 1e-3);
}

TEST_F(Full, FromScratchBeginsWithoutTheBasesNumbers) {
  TrainRequest r = full("out.safetensors");
  r.from_scratch = true;
  r.steps = 1;
  r.warmup = 0;
  r.rate = 1e-8;
  train(*device_, r, options());
  const auto file = open("out.safetensors");
  // The last convolution starts at 0, a norm at 1, a matrix within its bound.
  const Tensor last = test::golden(*file, "model.diffusion_model.out.2.weight", *device_);
  const Tensor norm = test::golden(*file, "model.diffusion_model.out.0.weight", *device_);
  const Tensor time = test::golden(*file, "model.diffusion_model.time_embed.0.weight", *device_);
  for (std::int64_t i = 0; i < last.count(); ++i) ASSERT_NEAR(last.data<float>()[i], 0, 1e-6);
  for (std::int64_t i = 0; i < norm.count(); ++i) ASSERT_NEAR(norm.data<float>()[i], 1, 1e-6);
  double square = 0;
  const double bound = 1 / std::sqrt(static_cast<double>(time.dim(1)));
  for (std::int64_t i = 0; i < time.count(); ++i) {
    ASSERT_LE(std::abs(time.data<float>()[i]), 1.001 * bound);
    square += std::pow(static_cast<double>(time.data<float>()[i]), 2) / static_cast<double>(time.count());
  }
  EXPECT_NEAR(square, bound * bound / 3, 0.05 * bound * bound);
  r.output = (folder_.path() / "other.safetensors").string();
  r.seed = 12;
  train(*device_, r, options());
  EXPECT_GT(largest_difference(test::golden(*open("other.safetensors"),
                                            "model.diffusion_model.time_embed.0.weight", *device_),
                               time),
            0.1 * bound);
}

TEST_F(Full, TheSameSeedGivesTheSameFile) {
  train(*device_, full("out.safetensors"), options());
  const std::string first = bytes(folder_.path() / "out.safetensors");
  train(*device_, full("out.safetensors"), options());
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == first);
}

TEST_F(Full, AStoppedRunGoesOnToTheSameFile) {
  train(*device_, full("out.safetensors"), options());
  const std::string straight = bytes(folder_.path() / "out.safetensors");
  fs::remove(folder_.path() / "out.safetensors");
  int asked = 0;
  TrainerOptions o = options();
  o.cancelled = [&asked] { return ++asked > 6 + 3; };
  EXPECT_THROW(train(*device_, full("out.safetensors"), o), Error);
  o = options();
  o.resume = true;
  train(*device_, full("out.safetensors"), o);
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == straight);
}

TEST_F(Full, AConstantRateMayGoOnForLonger) {
  TrainRequest r = full("out.safetensors");
  r.schedule = "constant";
  r.average = 0.9;
  train(*device_, r, options());
  const std::string straight = bytes(folder_.path() / "out.safetensors");
  r.steps = 4;
  train(*device_, r, options());
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") != straight);
  r.steps = 6;
  TrainerOptions o = options();
  o.resume = true;
  train(*device_, r, o);
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == straight);
  r.schedule = "cosine";
  EXPECT_THROW(train(*device_, r, o), Error);
}

// The file says what it predicts, and is read so.
TEST_F(Full, AnotherPredictionIsLearnedAndTold) {
  TrainRequest r = full("out.safetensors");
  r.prediction = models::Prediction::kV;
  r.zero_terminal_snr = true;
  r.objective.loss = grad::LossKind::kHuber;
  EXPECT_TRUE(std::isfinite(train(*device_, r, options()).loss));
  const pipeline::OpenModel made = model(folder_.path() / "out.safetensors");
  EXPECT_EQ(made.variant.prediction, models::Prediction::kV);
  EXPECT_TRUE(made.variant.prediction_certain);
  EXPECT_TRUE(made.variant.schedule.zero_terminal_snr);
  EXPECT_EQ(made.variant.native_size, 64);
  EXPECT_EQ(model(base_).variant.prediction, models::Prediction::kEps);
}

// LoRAs of the text encoder stand beside those of the denoiser, in sd-scripts' names.
TEST_F(Full, ATextEncodersLoraIsWrittenToo) {
  TrainRequest r = request("out.safetensors");
  r.train_text_encoder = true;
  train(*device_, r, options());
  const auto file = open("out.safetensors");
  EXPECT_EQ(file->tensors().size(), 3u * (192 + 4 * 6));
  const Tensor up =
      test::golden(*file, "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight", *device_);
  EXPECT_GT(largest_difference(up, Tensor::zeros(*device_, DType::kF32, up.shape())), 0);
  EXPECT_TRUE(file->find("lora_te_text_model_encoder_layers_3_mlp_fc2.lora_down.weight"));
}

}  // namespace
}  // namespace dq::train
