#include "train/metadata.h"

#include <gtest/gtest.h>

#include "media/codec.h"
#include "models/recognised/training.h"
#include "ops/devices.h"
#include "ops/elementwise.h"

namespace dq::train {
namespace {

class MetadataTest : public testing::Test {
 protected:
  files::TensorToWrite half(const std::string& name, const std::vector<float>& values, Shape shape) {
    return files::to_write(name, ops::convert(Tensor::from(*device_, values, std::move(shape)), DType::kF16));
  }
  std::vector<files::TensorToWrite> small() {
    const std::string name = "lora_unet_down_blocks_0_attentions_0_proj_in.";
    std::vector<float> down, up;
    for (int i = 0; i < 8; ++i) down.push_back(static_cast<float>(i) / 8);
    for (int i = 0; i < 6; ++i) up.push_back(static_cast<float>(i) / 4);
    return {half(name + "lora_up.weight", up, {3, 2}), half(name + "lora_down.weight", down, {2, 4}),
            half(name + "alpha", {4}, {})};
  }
  RunFacts facts() {
    RunFacts f;
    f.output_name = "my cat";
    f.architecture = "stable-diffusion-v1";
    f.base_model_version = "sd_v1";
    f.rank = 16;
    f.alpha = 16;
    f.learning_rate = 1e-4;
    f.trigger = "sks cat";
    f.min_snr_gamma = 5;
    f.steps = 600;
    f.finished_at = 1764000000;
    return f;
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 1});
};

// Expected: tests/golden/make_lora_hashes.py.
TEST_F(MetadataTest, HashesAreThoseOfTheLibrarysSerialisation) {
  Metadata m;
  add_hashes(m, small());
  EXPECT_EQ(m["sshs_model_hash"], "893b124c69c50940e1fd396c2e1b0c79e73301fee017b56551174772a0167491");
  EXPECT_EQ(m["sshs_legacy_hash"], "e3b0c442");

  std::vector<files::TensorToWrite> tensors = small();
  std::vector<float> numbers;
  for (int i = 0; i < 600'000; ++i) numbers.push_back(static_cast<float>(i % 1021));
  tensors.push_back(half("a", numbers, {600'000}));
  m = {{"ss_network_dim", "2"}, {"modelspec.title", "not part of the old hash"}};
  add_hashes(m, tensors);
  EXPECT_EQ(m["sshs_model_hash"], "697e00f19882606df3e43d86019de4bb554045f425287b38419230ae0889313f");
  EXPECT_EQ(m["sshs_legacy_hash"], "4638fb32");
}

TEST_F(MetadataTest, ProgramsFindWhatTheyLookFor) {
  Dataset data;
  for (const char* caption : {"sks cat, red, sitting", "sks cat, red"}) {
    TrainingPicture picture;
    picture.file = std::filesystem::path("10_cat") / "a.png";
    picture.caption = caption;
    picture.repeats = 10;
    data.pictures.push_back(picture);
  }
  const Metadata m = run_metadata(facts(), data, {{{512, 512}, 20}});
  EXPECT_EQ(m.at("ss_network_dim"), "16");
  EXPECT_EQ(m.at("ss_network_alpha"), "16.0");
  EXPECT_EQ(m.at("ss_learning_rate"), "0.0001");
  EXPECT_EQ(m.at("ss_text_encoder_lr"), "None");
  EXPECT_EQ(m.at("ss_noise_offset"), "None");
  EXPECT_FALSE(m.contains("modelspec.timestep_range"));
  EXPECT_EQ(m.at("ss_min_snr_gamma"), "5.0");
  EXPECT_EQ(m.at("ss_num_train_images"), "20");
  EXPECT_EQ(m.at("ss_resolution"), "(512, 512)");
  EXPECT_EQ(m.at("ss_bucket_info"), R"({"buckets":{"0":{"resolution":[512,512],"count":20}}})");
  EXPECT_EQ(m.at("ss_dataset_dirs"), R"({"10_cat":{"n_repeats":10,"img_count":2}})");
  EXPECT_EQ(m.at("ss_tag_frequency"), R"({"10_cat":{"red":2,"sitting":1,"sks cat":2}})");
  EXPECT_EQ(m.at("modelspec.architecture"), "stable-diffusion-v1/lora");
  EXPECT_EQ(m.at("modelspec.date"), "2025-11-24T16:00:00");
  EXPECT_EQ(m.at("modelspec.trigger_phrase"), "sks cat");
  // And so does our own reader.
  const auto read = models::recognised::read_training(m);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->base_model, "sd_v1");
  EXPECT_EQ(read->title, "my cat");
  EXPECT_EQ(read->trigger_words, std::vector<std::string>{"sks cat"});
  EXPECT_EQ(read->tags[0].second, 2u);
}

// As sd-scripts writes it: only when some were left out.
TEST_F(MetadataTest, NoiseLevelsThatWereLearned) {
  RunFacts f = facts();
  f.first_time = 0.25;
  EXPECT_EQ(run_metadata(f, {}, {}).at("modelspec.timestep_range"), "250,1000");
  f.first_time = 0, f.last_time = 0.57;
  EXPECT_EQ(run_metadata(f, {}, {}).at("modelspec.timestep_range"), "0,570");
}

// Programs take a file for a LoRA by its ss_network entries.
TEST_F(MetadataTest, AnEmbeddingNamesItsBaseButNoNetwork) {
  RunFacts f = facts();
  f.target = Target::kEmbedding;
  f.base_file = "base.safetensors";
  const Metadata m = run_metadata(f, {}, {});
  EXPECT_EQ(m.at("modelspec.architecture"), "stable-diffusion-v1/textual-inversion");
  EXPECT_EQ(m.at("ss_base_model_version"), "sd_v1");
  EXPECT_EQ(m.at("ss_sd_model_name"), "base.safetensors");
  EXPECT_EQ(m.at("ss_unet_lr"), "None");
  for (const auto& [key, value] : m) EXPECT_FALSE(key.starts_with("ss_network")) << key;
}

TEST_F(MetadataTest, TheThumbnailIsASmallJpeg) {
  Metadata m;
  add_thumbnail(m, media::make_image(600, 300, 4, 200));
  const std::string url = m["modelspec.thumbnail"], head = "data:image/jpeg;base64,";
  ASSERT_TRUE(url.starts_with(head));
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::byte> bytes;
  std::uint32_t word = 0;
  int bits = 0;
  for (const char c : url.substr(head.size())) {
    if (c == '=') break;
    word = word << 6 | static_cast<std::uint32_t>(digits.find(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::byte>(word >> bits & 0xff));
  }
  const media::Image image = media::decode_image(bytes);
  EXPECT_EQ(image.width, 256);
  EXPECT_EQ(image.height, 128);
}

}  // namespace
}  // namespace dq::train
