// Whole runs of control nets on the small model: a fresh one adds nothing, the file is one that programs know
// and paints, the same seed gives the same file, and a run that was stopped goes on to it.
#include <cmath>

#include "base/error.h"
#include "files/weight_source.h"
#include "models/control.h"
#include "pipeline/painter.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class ControlRun : public TrainingFolder {
 protected:
  // A control picture for every picture: where it is bright.
  ControlRun() {
    fs::create_directories(controls_);
    for (const char* name : {"a", "b", "c", "d"}) {
      media::Image image = media::to_gray(media::read_image(pictures_ / (std::string(name) + ".png")));
      for (std::uint8_t& v : image.pixels) v = v > 127 ? 255 : 0;
      media::write_image(controls_ / (std::string(name) + ".webp"), image,
                         {.format = media::ImageFormat::kWebp, .quality = 95, .lossless = true, .texts = {}});
    }
  }

  TrainRequest net(const std::string& output) {
    TrainRequest r = request(output);
    r.target = Target::kControlNet;
    r.conditioning = controls_.string();
    r.objective.weighting = Weighting::kUniform;
    return r;
  }
  media::Image paint(const fs::path& control, double strength, double end = 1) {
    pipeline::Request r;
    r.model = base_.string();
    r.prompt = "picture 1";
    r.width = r.height = 64;
    r.steps = 4;
    r.seed = 3;
    if (!control.empty()) {
      r.controls.push_back({.file = control.string(),
                            .image = (controls_ / "a.webp").string(),
                            .strength = strength,
                            .end = end,
                            .sha256 = {},
                            .image_sha256 = {}});
    }
    return pipeline::Painter(*device_, {}).paint(r).images[0];
  }

  fs::path controls_ = folder_.path() / "controls";
};

TEST_F(ControlRun, AFreshOneAddsNothing) {
  weights::ComponentSet files;
  files.main = test::tiny_original();
  const models::Family& family = *models::families()[0];
  const auto fresh = family.new_control_net(files, 1, *device_);
  const Tensor picture = test::random_tensor(*device_, {1, 64, 64, 3}, 5);
  models::DenoiserInput input;
  input.x = test::random_tensor(*device_, {1, 4, 8, 8}, 6);
  input.timesteps = {400};
  input.context = test::random_tensor(*device_, {1, 77, 48}, 7);
  const std::vector<Tensor> added = (*fresh)(input, fresh->encode(picture));
  ASSERT_EQ(added.size(), 13u);
  for (const Tensor& tensor : added) {
    for (std::int64_t i = 0; i < tensor.count(); ++i) ASSERT_EQ(tensor.data<float>()[i], 0);
  }
  // Its way in is the model's, and its reader of pictures is not empty.
  const auto& own = *fresh->parameters().at("input_blocks.4.0.in_layers.2.weight");
  const Tensor base = test::golden(*files::open_weights(base_ / "unet/diffusion_pytorch_model.safetensors"),
                                   "down_blocks.1.resnets.0.conv1.weight", *device_);
  EXPECT_EQ(test::relative_error(own.value.detached(), base), 0);
  double square = 0;
  const Tensor reader = fresh->parameters().at("input_hint_block.2.weight")->value.detached();
  for (std::int64_t i = 0; i < reader.count(); ++i) square += std::pow(reader.data<float>()[i], 2);
  EXPECT_NEAR(square / static_cast<double>(reader.count()), 1.0 / 3 / (16 * 9), 3e-4);
}

TEST_F(ControlRun, WritesAControlNetThatProgramsKnowAndPaintsWithIt) {
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  TrainRequest r = net("net.safetensors");
  r.steps = 20;
  r.rate = 1e-2;
  const TrainResult result = train(*device_, r, o);
  EXPECT_TRUE(std::isfinite(result.loss));
  EXPECT_EQ(result.data.pictures.size(), 4u);
  const auto file = files::open_weights(result.file);
  // The names and shapes of diffusers' own control net of this U-Net, once in each layout.
  const auto theirs = files::open_weights(test::golden_path("models/control/net.safetensors"));
  EXPECT_EQ(file->tensors().size(), theirs->tensors().size());
  ASSERT_TRUE(file->find("input_hint_block.14.weight"));
  EXPECT_EQ(file->find("zero_convs.4.0.weight")->shape, (Shape{64, 64, 1, 1}));
  EXPECT_EQ(file->metadata().at("modelspec.architecture"), "stable-diffusion-v1/controlnet");
  EXPECT_TRUE(file->metadata().at("modelspec.thumbnail").starts_with("data:image/jpeg;base64,/9j/"));
  EXPECT_EQ(media::read_image(result.grid).width, 4 * 64 + 5 * 4);
  // It paints: more of it another picture, none of it the base's to the byte, and none of its steps either.
  const media::Image base = paint({}, 1);
  EXPECT_TRUE(paint(result.file, 0) == base);
  EXPECT_FALSE(paint(result.file, 1) == base);
  EXPECT_FALSE(paint(result.file, 1) == paint(result.file, 0.5));
  EXPECT_FALSE(paint(result.file, 1, 0.5) == paint(result.file, 1));

  r.network.names = models::AdapterNames::kDiffusers;
  r.output = (folder_.path() / "diffusers.safetensors").string();
  r.paint_samples = false;
  const TrainResult other = train(*device_, r, o);
  const auto named = files::open_weights(other.file);
  for (const files::TensorEntry& entry : theirs->tensors()) {
    const files::TensorEntry* ours = named->find(entry.name);
    ASSERT_TRUE(ours) << entry.name;
    EXPECT_EQ(ours->shape, entry.shape) << entry.name;
  }
  EXPECT_TRUE(paint(other.file, 1) == paint(result.file, 1));
}

TEST_F(ControlRun, Learns) {
  TrainRequest r = net("net.safetensors");
  r.steps = 60;
  r.captions.shuffle = r.flip = false;
  r.save_every = 60;
  r.keep_every = 5;
  const TrainResult result = train(*device_, r, options());
  EXPECT_LT(result.validation.at(60), 0.98f * result.validation.at(5));
}

TEST_F(ControlRun, TheSameSeedGivesTheSameFileAlsoAfterAStop) {
  TrainRequest r = net("net.safetensors");
  train(*device_, r, options());
  const std::string straight = bytes(r.output);
  fs::remove(r.output);
  int asked = 0;
  TrainerOptions o = options();
  o.cancelled = [&asked] { return ++asked > 6 + 7; };
  EXPECT_THROW(train(*device_, r, o), Error);
  EXPECT_FALSE(fs::exists(r.output));
  o = options();
  o.resume = true;
  train(*device_, r, o);
  EXPECT_TRUE(bytes(r.output) == straight);
  // Another control picture is another run.
  fs::copy_file(controls_ / "a.webp", controls_ / "b.webp", fs::copy_options::overwrite_existing);
  EXPECT_THROW(train(*device_, r, o), Error);
}

TEST_F(ControlRun, GoesOnFromAnEarlierOne) {
  TrainRequest r = net("first.safetensors");
  train(*device_, r, options());
  TrainRequest more = net("more.safetensors");
  more.control_start = r.output;
  more.steps = 1;
  more.warmup = 1;  // a rate of 0: the same weights
  train(*device_, more, options());
  const auto a = files::open_weights(r.output), b = files::open_weights(more.output);
  for (const files::TensorEntry& entry : a->tensors()) {
    EXPECT_EQ(
        test::relative_error(test::golden(*b, entry.name, *device_), test::golden(*a, entry.name, *device_)),
        0)
        << entry.name;
  }
}

TEST_F(ControlRun, WhatIsWrongIsToldBeforeTheFirstStep) {
  const auto refused = [&](const char* part, auto change) {
    TrainRequest r = net("net.safetensors");
    change(r);
    expect_refused(r, part);
  };
  refused("none are named", [](TrainRequest& r) { r.conditioning = ""; });
  refused("no such folder of control pictures", [](TrainRequest& r) { r.conditioning = "nowhere"; });
  refused("text encoder is not trained", [](TrainRequest& r) { r.train_text_encoder = true; });
  refused("no control net", [&](TrainRequest& r) { r.control_start = base_.string(); });
  // A picture without its control picture, and one with that of another shape, are left out.
  fs::remove(controls_ / "a.webp");
  fs::copy_file(controls_ / "d.webp", controls_ / "b.webp", fs::copy_options::overwrite_existing);
  const TrainResult result = train(*device_, net("net.safetensors"), options());
  EXPECT_EQ(result.data.pictures.size(), 2u);
  EXPECT_NE(log_.find("a.png is left out: there is no control picture of its name"), std::string::npos)
      << log_;
  EXPECT_NE(log_.find("another shape: 96×64 beside 64×64"), std::string::npos) << log_;
}

// sd-scripts' description names the control pictures of each subset.
TEST_F(ControlRun, ADescriptionNamesTheControlPictures) {
  const fs::path toml = folder_.path() / "data.toml";
  std::ofstream(toml) << "[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nimage_dir = \"pictures\"\n"
                         "conditioning_data_dir = \"controls\"\n";
  TrainRequest r = net("net.safetensors");
  r.conditioning = "";
  r.folder = toml.string();
  EXPECT_EQ(train(*device_, r, options()).data.pictures.size(), 4u);
  std::ofstream(toml) << "[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nimage_dir = \"pictures\"\n"
                         "conditioning_data_dir = \"absent\"\n";
  try {
    train(*device_, r, options());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("line 5"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace dq::train
