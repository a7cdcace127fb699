#include "train/encodings.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "media/codec.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace dq::train {
namespace {

using test::relative_error;

class Cache : public testing::Test {
 protected:
  Tensor get(const std::string& key, float value) {
    return cache_.get(key, *device_, [&] {
      ++made_;
      return Tensor::full(*device_, {3}, value);
    });
  }

  test::TempDir folder_;
  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 1});
  ContentCache cache_{folder_.path() / "cache"};
  int made_ = 0;
};

TEST_F(Cache, MakesAResultOnce) {
  EXPECT_EQ(get("a", 1).data<float>()[2], 1);
  EXPECT_EQ(get("a", 2).data<float>()[2], 1);
  EXPECT_EQ(get("b", 3).data<float>()[2], 3);
  EXPECT_EQ(made_, 2);
}

TEST_F(Cache, ADamagedOrForeignFileIsMadeAnew) {
  get("a", 1);
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "cache")) file = entry.path();
  std::filesystem::resize_file(file, 20);
  EXPECT_EQ(get("a", 2).data<float>()[0], 2);
  get("b", 5);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "cache")) {
    if (entry.path() != file)
      std::filesystem::copy_file(entry.path(), file, std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_EQ(get("a", 7).data<float>()[0], 7);
}

TEST_F(Cache, WithoutAPlaceOnDiskNothingIsKept) {
  cache_ = ContentCache("");
  get("a", 1);
  EXPECT_EQ(get("a", 2).data<float>()[0], 2);
  // A folder that cannot be made is no error either.
  std::ofstream(folder_.path() / "file") << "in the way";
  cache_ = ContentCache(folder_.path() / "file" / "cache");
  EXPECT_EQ(get("a", 3).data<float>()[0], 3);
}

class EncodingsTest : public testing::Test {
 protected:
  EncodingsTest() {
    model_.files.main = test::tiny_original();
    model_.family = models::families()[0];
    model_.variant = *model_.family->detect(model_.files.main);
  }
  TrainingPicture picture(const std::string& name, std::uint8_t left, std::uint8_t right) {
    media::Image image = media::make_image(96, 64, 3, left);
    for (int y = 0; y < 64; ++y) std::fill(image.row(y) + 150, image.row(y) + 288, right);
    TrainingPicture out;
    out.file = folder_.path() / name;
    media::write_image(out.file, image);
    out.size = {96, 64};
    out.sha256 = name + std::to_string(left) + std::to_string(right);
    return out;
  }
  Encodings encodings() {
    return {model_, *device_, ContentCache(folder_.path() / "cache"), {.vae_id = "tiny", .text_id = "tiny"}};
  }

  test::TempDir folder_;
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  pipeline::OpenModel model_;
  Placement whole_{{96, 64}, {96, 64}};
};

TEST_F(EncodingsTest, ALatentIsTheVaesAnswerInModelSpace) {
  Encodings e = encodings();
  const TrainingPicture p = picture("a.png", 40, 200);
  const Tensor latent = e.latent(p, whole_, false);
  EXPECT_EQ(latent.shape(), (Shape{1, 4, 8, 12}));
  const auto vae = model_.family->load_vae(model_.files, *device_);
  const Tensor z = vae->encode(media::to_tensor(*device_, media::read_image(p.file)));
  EXPECT_LE(relative_error(latent, ops::combine({{0.18215, &z}})), 1e-6);
  // From the disk, bit for bit; another cut is another latent, and so is an edited picture.
  EXPECT_EQ(relative_error(encodings().latent(p, whole_, false), latent), 0);
  EXPECT_GT(relative_error(e.latent(p, whole_, true), latent), 0.01);
  EXPECT_GT(relative_error(e.latent(picture("a.png", 90, 200), whole_, false), latent), 0.01);
  const Tensor middle = e.latent(p, {{96, 64}, {64, 64}}, false);
  EXPECT_EQ(middle.shape(), (Shape{1, 4, 8, 8}));
  EXPECT_GT(relative_error(e.latent(p, {{96, 64}, {64, 64}, 0.1, 0.5}, false), middle), 0.01);
}

// A step costs no encoding and no reading, whether there is a place on disk or not.
TEST_F(EncodingsTest, WhatWasAskedBeforeIsNotMadeAgain) {
  Encodings e(model_, *device_, ContentCache(""), {.vae_id = "tiny", .text_id = "tiny"});
  const TrainingPicture p = picture("a.png", 40, 200);
  const Tensor first = e.latent(p, whole_, false);
  std::filesystem::remove(p.file);
  EXPECT_EQ(relative_error(e.latent(p, whole_, false), first), 0);
  EXPECT_THROW(e.latent(p, whole_, true), Error);
}

TEST_F(EncodingsTest, AMaskIsShrunkByArea) {
  Encodings e = encodings();
  TrainingPicture p = picture("a.png", 40, 200);
  EXPECT_FALSE(e.mask(p, whole_, false).defined());
  media::Image mask = media::make_image(96, 64, 1);
  for (int y = 0; y < 64; ++y) std::fill(mask.row(y), mask.row(y) + 44, std::uint8_t{255});
  p.mask = folder_.path() / "a-masklabel.png";
  media::write_image(p.mask, mask);
  const Tensor small = e.mask(p, whole_, false);
  EXPECT_EQ(small.shape(), (Shape{1, 1, 8, 12}));
  EXPECT_NEAR(small.data<float>()[4], 1, 1e-6);
  EXPECT_NEAR(small.data<float>()[5], 0.5, 0.003);  // pixels 40 … 47, of which 44 … 47 are black
  EXPECT_NEAR(small.data<float>()[6], 0, 1e-6);
  EXPECT_NEAR(e.mask(p, whole_, true).data<float>()[11 - 5], 0.5, 0.003);
  p.size = {90, 64};
  EXPECT_THROW(encodings().mask(p, whole_, false), Error);
}

TEST(Placed, CoversTheBucketFromTheMiddle) {
  media::Image image = media::make_image(30, 10, 3);
  for (int y = 0; y < 10; ++y) {
    for (int x = 0; x < 30; ++x) image.row(y)[3 * x] = static_cast<std::uint8_t>(x);
  }
  const media::Image cut = placed(image, {{30, 10}, {10, 10}}, false);
  EXPECT_EQ(cut.width, 10);
  EXPECT_EQ(cut.row(3)[0], 10);
  EXPECT_EQ(cut.row(3)[27], 19);
  // A jittered cut lies where it says, and never outside.
  EXPECT_EQ(placed(image, {{30, 10}, {10, 10}, 0, 0.99}, false).row(3)[0], 0);
  EXPECT_EQ(placed(image, {{30, 10}, {10, 10}, 0.9999, 0}, false).row(3)[0], 19);
  const media::Image flipped = placed(image, {{30, 10}, {10, 10}}, true);
  EXPECT_EQ(flipped.row(3)[0], 19);
}

}  // namespace
}  // namespace dq::train
