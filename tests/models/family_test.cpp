// Detection and loading through the family table.
#include <gtest/gtest.h>

#include "models/tiny_model.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {
namespace {

using models::Family;
using weights::TensorTable;

TEST(Families, EveryLayoutOfTheSmallModelIsRecognised) {
  for (const auto& table : {tiny_folder(), tiny_original(), tiny_old_text_prefix(), tiny_with_ema()}) {
    int found = 0;
    for (const Family* family : models::families()) {
      const auto variant = family->detect(table);
      if (!variant) continue;
      ++found;
      EXPECT_EQ(variant->in_channels, 4);
      EXPECT_EQ(variant->name, "");
    }
    EXPECT_EQ(found, 1);
  }
}

TEST(Families, InpaintingIsToldByNineChannels) {
  const auto variant = models::families()[0]->detect(tiny_inpaint());
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->name, "inpainting");
  EXPECT_EQ(variant->in_channels, 9);
}

TEST(Families, TheVPredMarkerSettlesThePrediction) {
  TensorTable table = tiny_original();
  EXPECT_FALSE(models::families()[0]->detect(table)->prediction_certain);
  table.insert("v_pred", *table.find("model.diffusion_model.out.2.bias"));
  table.insert("ztsnr", *table.find("model.diffusion_model.out.2.bias"));
  const auto variant = models::families()[0]->detect(table);
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->prediction, models::Prediction::kV);
  EXPECT_TRUE(variant->prediction_certain);
  EXPECT_TRUE(variant->schedule.zero_terminal_snr);
}

// A folder's scheduler says which it is, and a file's metadata may.
TEST(Families, AStatedPredictionIsBelieved) {
  const Family& family = *models::families()[0];
  EXPECT_TRUE(family.detect(tiny_folder())->prediction_certain);
  EXPECT_EQ(family.detect(tiny_folder())->prediction, models::Prediction::kEps);
  TensorTable table = tiny_original();
  table.set_texts({{"modelspec.prediction_type", "v"}});
  EXPECT_EQ(family.detect(table)->prediction, models::Prediction::kV);
  table.set_texts({{"scheduler/scheduler_config.json",
                    R"({"prediction_type": "v_prediction", "rescale_betas_zero_snr": true})"}});
  EXPECT_EQ(family.detect(table)->prediction, models::Prediction::kV);
  EXPECT_TRUE(family.detect(table)->schedule.zero_terminal_snr);
  for (const char* odd : {"", "[1]", "{\"prediction_type\": 7}", "{\"prediction_type\": \"sample\"}"}) {
    table.set_texts({{"scheduler/scheduler_config.json", odd}});
    EXPECT_FALSE(family.detect(table)->prediction_certain) << odd;
  }
}

// A text encoder with a vocabulary and a number of heads of its own brings both along as texts.
TEST(Families, ATextEncoderMayBringItsTokenizer) {
  const auto device = ops::make_cpu_device();
  const Family& family = *models::families()[0];
  weights::ComponentSet files;
  files.main = tiny_folder();
  EXPECT_THROW(family.load_text_encoder(files, *device), Error);  // 1000 tokens, and no merges
  auto texts = files.main.texts();
  EXPECT_NE(texts.at("text_encoder/config.json").find("\"num_attention_heads\": 4"), std::string::npos);
  texts["tokenizer/merges.txt"] = tiny_merges();
  files.main.set_texts(texts);
  const auto encoder = family.load_text_encoder(files, *device);
  const Tensor four = (*encoder)({}, "a cat", {}, 1).context;
  EXPECT_EQ(four.shape(), (Shape{1, 77, 48}));
  texts.erase("text_encoder/config.json");
  files.main.set_texts(texts);
  const Tensor guessed = (*family.load_text_encoder(files, *device))({}, "a cat", {}, 1).context;  // one head
  EXPECT_GT(relative_error(guessed, four), 0.01);
  texts["tokenizer/merges.txt"] = "no merges here at all";
  files.main.set_texts(texts);
  EXPECT_THROW(family.load_text_encoder(files, *device), Error);
}

TEST(Families, NamesAreFoundById) {
  for (const Family* family : models::families()) EXPECT_EQ(models::find_family(family->id()), family);
  EXPECT_EQ(models::find_family("no such family"), nullptr);
}

TEST(Families, MissingAndMisshapenTensorsAreListed) {
  const auto device = ops::make_cpu_device();
  const Family& family = *models::families()[0];
  weights::ComponentSet files;
  files.main = tiny_original().renamed([](std::string_view name) -> std::optional<std::string> {
    if (name.ends_with("middle_block.1.norm.weight")) return std::nullopt;
    return std::string(name);
  });
  const auto variant = family.detect(files.main);
  ASSERT_TRUE(variant);
  try {
    family.load_denoiser(files, *variant, *device);
    FAIL() << "a file with a hole was loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    EXPECT_NE(error.message().find("middle_block.1.norm.weight is missing"), std::string::npos)
        << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(Families, MissingPartsSayWhichOptionGivesThem) {
  const auto device = ops::make_cpu_device();
  const Family& family = *models::families()[0];
  weights::ComponentSet files;
  files.main = tiny_original().under("model.diffusion_model.");  // a bare U-Net
  ASSERT_TRUE(family.detect(files.main));
  try {
    family.load_vae(files, *device);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.hint().find("--vae"), std::string::npos);
  }
  try {
    family.load_text_encoder(files, *device);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.hint().find("--text-encoder"), std::string::npos);
  }
  files.vae = tiny_folder().under("vae.");
  EXPECT_NO_THROW(family.load_vae(files, *device));
  EXPECT_NO_THROW(family.load_denoiser(files, *family.detect(files.main), *device));
}

}  // namespace
}  // namespace dq::test
