// One network in every layout and container that people share gives one picture.
#include <gtest/gtest.h>

#include "app/cli.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

struct Layout {
  const char* name;
  Words options;
};

TEST(Layouts, AllGiveTheSamePixels) {
  const TempDir dir;
  const auto plain = painted(dir, "plain.png");
  ASSERT_TRUE(plain);
  const Words ckpt{"--container", "ckpt"};
  const Layout layouts[] = {{"plain.ckpt", ckpt},
                            {"ema.safetensors", {"--layout", "original-ema"}},
                            {"ema.ckpt", Words{"--layout", "original-ema"} + ckpt},
                            {"old.safetensors", {"--layout", "old-text-prefix"}},
                            {"old.ckpt", Words{"--layout", "old-text-prefix"} + ckpt},
                            {"folder", {"--layout", "diffusers"}},
                            {"folder_bin", Words{"--layout", "diffusers"} + ckpt}};
  for (const Layout& layout : layouts) {
    const auto image =
        painted(dir, std::string(layout.name) + ".png", {}, checkpoint(layout.name, layout.options));
    ASSERT_TRUE(image) << layout.name;
    EXPECT_EQ(*image, *plain) << layout.name;
  }
}

TEST(Layouts, PartsAreJoinedByOptions) {
  const TempDir dir;
  const auto plain = painted(dir, "plain.png");
  ASSERT_TRUE(plain);
  for (const std::string end : {".safetensors", ".pt"}) {
    const bool safe = end == ".safetensors";
    const fs::path parts = safe ? checkpoint("parts", {"--layout", "parts"})
                                : checkpoint("parts_pt", {"--layout", "parts", "--container", "ckpt"});
    const auto image = painted(dir, "parts.png",
                               {"--vae", (parts / ("vae" + end)).string(), "--text-encoder",
                                (parts / ("text_encoder" + end)).string()},
                               parts / ("unet" + end));
    ASSERT_TRUE(image) << end;
    EXPECT_EQ(*image, *plain) << end;
  }
}

TEST(Layouts, ABareDenoiserAsksForItsParts) {
  const TempDir dir;
  const fs::path parts = checkpoint("parts", {"--layout", "parts"});
  const std::string unet = (parts / "unet.safetensors").string();
  expect_refusal(dir, {"paint", "x", "-q", "-m", unet, "--size", "64"}, "--text-encoder FILE");
  expect_refusal(dir,
                 {"paint", "x", "-q", "-m", unet, "--size", "64", "--steps", "1", "--text-encoder",
                  (parts / "text_encoder.safetensors").string()},
                 "--vae FILE");
  expect_refusal(dir, {"paint", "x", "-q", "-m", (parts / "vae.safetensors").string()}, "holds no denoiser");
}

TEST(Layouts, AnotherVaeTakesThePlaceOfTheModels) {
  const TempDir dir;
  const auto plain = painted(dir, "plain.png");
  const fs::path other = checkpoint("other", {"--layout", "parts", "--seed", "2"});
  const auto image = painted(dir, "other.png", {"--vae", (other / "vae.safetensors").string()});
  ASSERT_TRUE(plain && image);
  EXPECT_GT(mean_difference(*plain, *image), 5);
}

TEST(Layouts, OtherNumberFormatsPaintNearlyTheSame) {
  const TempDir dir;
  const auto plain = painted(dir, "plain.png", {"--precision", "f32"});
  ASSERT_TRUE(plain);
  const Layout dtypes[] = {{"f32.safetensors", {"--dtype", "f32"}},
                           {"bf16.safetensors", {"--dtype", "bf16"}},
                           {"f32.ckpt", {"--dtype", "f32", "--container", "ckpt"}}};
  for (const Layout& dtype : dtypes) {
    const auto image = painted(dir, std::string(dtype.name) + ".png", {"--precision", "f32"},
                               checkpoint(dtype.name, dtype.options));
    ASSERT_TRUE(image) << dtype.name;
    EXPECT_NE(*image, *plain) << dtype.name;  // other numbers were read
    EXPECT_LT(mean_difference(*image, *plain), 4) << dtype.name;
  }
}

TEST(Layouts, Bf16ArithmeticStaysNearF32) {
  const TempDir dir;
  const auto f32 = painted(dir, "a.png", {"--precision", "f32"});
  const auto bf16 = painted(dir, "b.png", {"--precision", "bf16"});
  ASSERT_TRUE(f32 && bf16);
  EXPECT_NE(*f32, *bf16);
  EXPECT_LT(mean_difference(*f32, *bf16), 4);
}

}  // namespace
}  // namespace dq::test
