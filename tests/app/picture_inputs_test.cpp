// Starting from a picture: --init, --denoise, --mask, and the second pass.
#include <gtest/gtest.h>

#include <cstdlib>

#include "app/cli.h"
#include "media/codec.h"
#include "media/resize.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

// A soft gradient; a VAE of random numbers keeps it as little as it keeps anything.
media::Image gradient(int width, int height) {
  media::Image image = media::make_image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(255 * x / width);
      pixel[1] = static_cast<std::uint8_t>(255 * y / height);
      pixel[2] = 90;
    }
  }
  return image;
}

// White from column `from` on.
media::Image half_mask(int width, int height, int from) {
  media::Image mask = media::make_image(width, height, 1);
  for (int y = 0; y < height; ++y) {
    for (int x = from; x < width; ++x) mask.row(y)[x] = 255;
  }
  return mask;
}

std::string written(const TempDir& dir, const std::string& name, const media::Image& image) {
  const fs::path path = dir.path() / name;
  media::write_image(path, image);
  return path.string();
}

TEST(ImageToImage, DenoiseZeroIsTheRoundTripThroughTheVae) {
  const TempDir dir;
  const std::string init = written(dir, "init.png", gradient(64, 64));
  const Words at_zero{"--init", init, "--denoise", "0"};
  const auto a = painted(dir, "a.png", at_zero);
  const auto b = painted(dir, "b.png", at_zero + Words{"--seed", "2", "--sampler", "ddim", "--steps", "3"});
  const auto gray =
      painted(dir, "c.png",
              {"--init", written(dir, "gray.png", media::make_image(64, 64, 3, 128)), "--denoise", "0"});
  ASSERT_TRUE(a && b && gray);
  EXPECT_EQ(*a, *b);  // nothing but the picture decides
  EXPECT_GT(mean_difference(*a, *gray), 0.5);
}

TEST(ImageToImage, DenoiseDecidesHowFarItGoes) {
  const TempDir dir;
  const Words init{"--init", written(dir, "init.png", gradient(64, 64)), "--steps", "4"};
  const auto kept = painted(dir, "0.png", init + Words{"--denoise", "0"});
  const auto little = painted(dir, "1.png", init + Words{"--denoise", "0.1"});
  const auto much = painted(dir, "5.png", init + Words{"--denoise", "0.9"});
  ASSERT_TRUE(kept && little && much);
  EXPECT_GT(mean_difference(*kept, *little), 0.1);
  EXPECT_LT(mean_difference(*kept, *little), mean_difference(*kept, *much));
}

TEST(ImageToImage, TheSizeIsThePicturesUnlessGiven) {
  const TempDir dir;
  const std::string init = written(dir, "init.png", gradient(98, 67));
  Words words{"paint",   "a cat",     "-q",     "-m",     checkpoint().string(),
              "--steps", "2",         "--seed", "1",      "-o",
              "a.png",   "--denoise", "0.5",    "--init", init};
  ASSERT_EQ(danqing(dir.path(), words).status, 0);
  const media::Image image = media::read_image(dir.path() / "a.png");
  EXPECT_EQ(image.width, 96);
  EXPECT_EQ(image.height, 64);
  const auto sized = painted(dir, "b.png", {"--init", init, "--size", "64x80"});
  ASSERT_TRUE(sized);
  EXPECT_EQ(sized->width, 64);
  EXPECT_EQ(sized->height, 80);
}

class Inpainting : public testing::TestWithParam<const char*> {
 protected:
  fs::path model() const {
    const std::string channels = GetParam();
    return channels == "4" ? checkpoint() : checkpoint("nine.safetensors", {"--channels", channels});
  }
};
INSTANTIATE_TEST_SUITE_P(Channels, Inpainting, testing::Values("4", "9"));

TEST_P(Inpainting, WhatTheMaskDoesNotTouchStaysExact) {
  const TempDir dir;
  const media::Image init = gradient(64, 64);
  const Words options{"--init",      written(dir, "init.png", init),
                      "--mask",      written(dir, "mask.png", half_mask(64, 64, 32)),
                      "--mask-blur", "2"};
  const auto image = painted(dir, "a.png", options, model());
  ASSERT_TRUE(image);
  // OpenCV's blur of deviation 2 reaches 5 pixels.
  std::size_t changed = 0;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const int at = 3 * x;
      const bool same = std::equal(image->row(y) + at, image->row(y) + at + 3, init.row(y) + at);
      if (x < 32 - 5) {
        ASSERT_TRUE(same) << x << "," << y;
      }
      if (x >= 32 + 5 && !same) ++changed;
    }
  }
  EXPECT_GT(changed, 64u * 27 * 9 / 10);
}

TEST_P(Inpainting, ModelsPaintWithoutAPictureToo) {
  const TempDir dir;
  const auto image = painted(dir, "a.png", {}, model());
  ASSERT_TRUE(image);
  EXPECT_GT(spread(*image), 5);
}

TEST(InpaintingModel, SeesThePictureAroundTheHole) {
  const TempDir dir;
  const fs::path model = checkpoint("nine.safetensors", {"--channels", "9"});
  const std::string mask = written(dir, "mask.png", half_mask(64, 64, 32));
  media::Image other = gradient(64, 64);
  for (int y = 0; y < 64; ++y) std::fill(other.row(y), other.row(y) + 3 * 16, std::uint8_t{10});
  const auto a =
      painted(dir, "a.png",
              {"--init", written(dir, "1.png", gradient(64, 64)), "--mask", mask, "--mask-blur", "0"}, model);
  const auto b = painted(dir, "b.png",
                         {"--init", written(dir, "2.png", other), "--mask", mask, "--mask-blur", "0"}, model);
  ASSERT_TRUE(a && b);
  bool differs = false;
  for (int y = 0; y < 64; ++y)
    differs = differs || !std::equal(a->row(y) + 3 * 32, a->row(y) + 3 * 64, b->row(y) + 3 * 32);
  EXPECT_TRUE(differs);
}

TEST(Mask, ItsTransparencyCountsWhenItHasNoColours) {
  const TempDir dir;
  const std::string init = written(dir, "init.png", gradient(64, 64));
  const media::Image luma = half_mask(64, 64, 32);
  media::Image holes = media::make_image(64, 64, 4, 200);  // a picture whose right half is cut out
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      std::uint8_t* pixel = holes.row(y) + 4 * x;
      pixel[0] = 30;
      pixel[3] = x < 32 ? 255 : 0;
    }
  }
  const auto a = painted(dir, "a.png", {"--init", init, "--mask", written(dir, "luma.png", luma)});
  const auto b = painted(dir, "b.png", {"--init", init, "--mask", written(dir, "holes.png", holes)});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, *b);
}

TEST(Hires, EachUpscalerDoublesTheSize) {
  const TempDir dir;
  std::vector<media::Image> seen;
  for (const std::string how : {"latent", "latent-bilinear", "latent-bicubic", "lanczos"}) {
    const auto image =
        painted(dir, how + ".png",
                {"--hires", "2", "--hires-upscaler", how, "--hires-steps", "2", "--hires-denoise", "0.5"});
    ASSERT_TRUE(image) << how;
    EXPECT_EQ(image->width, 128);
    EXPECT_EQ(image->height, 128);
    EXPECT_GT(spread(*image), 5) << how;
    for (const media::Image& other : seen) EXPECT_NE(*image, other) << how;
    seen.push_back(*image);
  }
}

}  // namespace
}  // namespace dq::test
