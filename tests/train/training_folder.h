#pragma once
// The small golden model as a base to train on, and four pictures of coloured blocks with captions.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/counter_random.h"
#include "base/error.h"
#include "media/codec.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "pipeline/model_files.h"
#include "support/golden.h"
#include "train/trainer.h"

namespace dq::train {

namespace fs = std::filesystem;

class TrainingFolder : public testing::Test {
 protected:
  TrainingFolder() {
    // The small model as a folder with its tokenizer, and four pictures of coloured blocks.
    fs::copy(test::golden_path("models/tiny"), base_, fs::copy_options::recursive);
    fs::create_directories(base_ / "tokenizer");
    std::ofstream(base_ / "tokenizer" / "merges.txt") << test::tiny_merges();
    fs::create_directories(pictures_);
    for (int i = 0; i < 4; ++i) {
      media::Image image = media::make_image(i < 3 ? 64 : 96, 64, 3);
      for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
          CounterRandom random{static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(y / 8),
                               static_cast<std::uint64_t>(x / 8)};
          for (int c = 0; c < 3; ++c) image.row(y)[3 * x + c] = static_cast<std::uint8_t>(random.below(256));
        }
      }
      media::write_image(pictures_ / (std::string(1, static_cast<char>('a' + i)) + ".png"), image);
      std::ofstream(pictures_ / (std::string(1, static_cast<char>('a' + i)) + ".txt"))
          << "sks, picture " << i;
    }
  }

  TrainRequest request(const std::string& output) {
    TrainRequest r;
    r.base = base_.string();
    r.folder = pictures_.string();
    r.output = (folder_.path() / output).string();
    r.resolution = 64;
    r.steps = 12;
    r.batch = 2;
    r.warmup = 2;
    r.rate = 2e-3;
    r.network.rank = 4;
    r.save_every = 5;
    r.captions.shuffle = true;
    r.flip = true;
    r.seed = 11;
    return r;
  }
  TrainerOptions options() {
    TrainerOptions o;
    o.cache = folder_.path() / "cache";
    o.log = [this](LogLevel, const std::string& text) { log_ += text + "\n"; };
    return o;
  }
  // These pictures in other colours, in a folder that says "thing".
  fs::path classes(std::initializer_list<const char*> names) {
    const fs::path folder = folder_.path() / "classes" / "1_thing";
    fs::create_directories(folder);
    for (const char* name : names) {
      media::Image image = media::read_image(pictures_ / name);
      for (std::uint8_t& v : image.pixels) v = static_cast<std::uint8_t>(255 - v);
      media::write_image(folder / name, image);
    }
    return folder.parent_path();
  }
  // Fails unless the run is refused before its first step with a message that contains `part`.
  void expect_refused(const TrainRequest& r, const char* part) {
    try {
      train(*device_, r, options());
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    }
    EXPECT_FALSE(fs::exists(state_path(r.output)));
  }
  static std::string bytes(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  test::TempDir folder_;
  fs::path base_ = folder_.path() / "base", pictures_ = folder_.path() / "pictures";
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  std::string log_;
};

// The same, with the small model loaded as for a run.
class LoadedTrainingFolder : public TrainingFolder {
 protected:
  LoadedTrainingFolder() {
    pipeline::Request files;
    files.model = base_.string();
    model_ = pipeline::open_model(files);
    denoiser_ =
        model_.family->load_denoiser(model_.files, model_.variant, *device_, weights::Purpose::kAdapt);
    encoder_ = model_.family->load_text_encoder(model_.files, *device_, weights::Purpose::kAdapt);
  }

  pipeline::OpenModel model_;
  std::unique_ptr<models::Denoiser> denoiser_;
  std::unique_ptr<models::TextEncoder> encoder_;
};

}  // namespace dq::train
