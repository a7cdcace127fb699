// danqing paint: outputs, names, repetition, and every sampler and scheduler.
#include <gtest/gtest.h>

#include "app/cli.h"
#include "media/codec.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"
#include "support/golden.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

TEST(Paint, WritesAPictureAndPrintsItsPath) {
  const TempDir dir;
  const auto image = painted(dir, "a.png");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->width, 64);
  EXPECT_EQ(image->height, 64);
  EXPECT_GT(spread(*image), 5);
  EXPECT_EQ(names_in(dir.path()), Words{"a.png"});
}

TEST(Paint, TheSameRequestGivesTheSameBytes) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png"));
  ASSERT_TRUE(painted(dir, "b.png"));
  EXPECT_TRUE(file_bytes(dir.path() / "a.png") == file_bytes(dir.path() / "b.png"));
}

TEST(Paint, TheNumberOfThreadsDoesNotChangeThePicture) {
  const TempDir dir;
  const auto one = painted(dir, "a.png", {"--threads", "1"});
  const auto three = painted(dir, "b.png", {"--threads", "3"});
  ASSERT_TRUE(one && three);
  EXPECT_EQ(*one, *three);
}

TEST(Paint, SeedPromptAndGuidanceChangeThePicture) {
  const TempDir dir;
  const auto plain = painted(dir, "a.png", {"--cfg", "7"});
  const auto seed = painted(dir, "b.png", {"--cfg", "7", "--seed", "2"});
  const auto negative = painted(dir, "c.png", {"--cfg", "7", "-n", "a dog"});
  const auto unguided = painted(dir, "d.png", {"--cfg", "1"});
  ASSERT_TRUE(plain && seed && negative && unguided);
  EXPECT_GT(mean_difference(*plain, *seed), 5);
  EXPECT_NE(*plain, *negative);
  EXPECT_NE(*plain, *unguided);
  // Without guidance the negative prompt is not asked at all.
  const auto unguided_negative = painted(dir, "e.png", {"--cfg", "1", "-n", "a dog"});
  ASSERT_TRUE(unguided_negative);
  EXPECT_EQ(*unguided, *unguided_negative);
}

TEST(Paint, SizesAreRoundedUpToWholeCells) {
  const TempDir dir;
  const auto image = painted(dir, "a.png", {"--size", "71x40"});
  ASSERT_TRUE(image);
  EXPECT_EQ(image->width, 72);
  EXPECT_EQ(image->height, 40);
}

TEST(Paint, EveryFormatIsWritten) {
  const TempDir dir;
  const auto png = painted(dir, "a.png");
  const auto jpeg = painted(dir, "a.jpg", {"--quality", "98"});
  const auto webp = painted(dir, "a.webp", {"--quality", "98"});
  ASSERT_TRUE(png && jpeg && webp);
  EXPECT_TRUE(file_bytes(dir.path() / "a.jpg").starts_with("\xff\xd8\xff"));
  EXPECT_TRUE(file_bytes(dir.path() / "a.webp").starts_with("RIFF"));
  EXPECT_LT(mean_difference(*png, *jpeg), 12);  // colour at half the resolution, on noise
  EXPECT_LT(mean_difference(*png, *webp), 12);
}

TEST(Paint, CountPaintsWithSeedsGoingUp) {
  const TempDir dir;
  const Outcome run = danqing(dir.path(), quick() + Words{"--count", "2", "-o", "x.png"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "x-1.png\nx-2.png\n");
  const auto second = painted(dir, "alone.png", {"--seed", "2"});
  ASSERT_TRUE(second);
  EXPECT_EQ(media::read_image(dir.path() / "x-2.png"), *second);
  EXPECT_TRUE(file_bytes(dir.path() / "x-2.png") == file_bytes(dir.path() / "alone.png"));
}

TEST(Paint, ABatchIsDrawnFromOneStream) {
  const TempDir dir;
  const Outcome run = danqing(dir.path(), quick() + Words{"--batch", "2", "-o", "out/"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "out/danqing-1-1.png\nout/danqing-1-2.png\n");
  const auto alone = painted(dir, "alone.png");
  ASSERT_TRUE(alone);
  const media::Image first = media::read_image(dir.path() / "out/danqing-1-1.png");
  EXPECT_LT(mean_difference(first, *alone), 0.5);
  EXPECT_GT(mean_difference(first, media::read_image(dir.path() / "out/danqing-1-2.png")), 5);
}

TEST(Paint, WebuiNoiseGivesEachPictureOfABatchItsOwnSeed) {
  const TempDir dir;
  const Outcome run =
      danqing(dir.path(), quick() + Words{"--batch", "2", "--noise", "webui-gpu", "-o", "out/"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "out/danqing-1.png\nout/danqing-2.png\n");
  const auto second = painted(dir, "alone.png", {"--seed", "2", "--noise", "webui-gpu"});
  ASSERT_TRUE(second);
  EXPECT_LT(mean_difference(media::read_image(dir.path() / "out/danqing-2.png"), *second), 0.5);
}

TEST(Paint, NamesOfOurOwnNeverOverwrite) {
  const TempDir dir;
  dir.write("danqing-1.png", "mine");
  for (const char* name : {"danqing-1-copy1.png", "danqing-1-copy2.png"}) {
    const Outcome run = danqing(dir.path(), quick());
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, std::string(name) + "\n");
  }
  EXPECT_EQ(file_bytes(dir.path() / "danqing-1.png"), "mine");
}

TEST(Paint, ProgressGoesToStandardErrorOnly) {
  const TempDir dir;
  Words words = quick();
  std::erase(words, "-q");
  const Outcome run = danqing(dir.path(), words + Words{"-o", "a.png"});
  EXPECT_EQ(run.out, "a.png\n");
  for (const char* part : {"loading the model", "step 1/2", "step 2/2", "developing the picture"}) {
    EXPECT_NE(run.err.find(part), std::string::npos) << part << " in " << run.err;
  }
  EXPECT_EQ(run.err.find('\x1b'), std::string::npos) << "terminal codes in a log";
}

TEST(Paint, EverySamplerGivesAPicture) {
  const TempDir dir;
  std::optional<media::Image> first;
  for (const sampling::Sampler& sampler : sampling::samplers()) {
    const std::string name(sampler.name);
    const auto image = painted(dir, name + ".png", {"--sampler", name, "--steps", "3"});
    ASSERT_TRUE(image) << name;
    EXPECT_GT(spread(*image), 5) << name;
    if (!first) {
      ASSERT_EQ(name, "euler");
      first = image;
    } else if (name == "ddim") {  // as in ComfyUI, Euler's steps: only its noise under a mask is another one
      EXPECT_EQ(*image, *first);
    } else {
      EXPECT_NE(*image, *first) << name;
    }
  }
}

TEST(Paint, EverySchedulerGivesAPicture) {
  const TempDir dir;
  for (const sampling::Scheduler& scheduler : sampling::schedulers()) {
    const std::string name(scheduler.name);
    const auto image = painted(dir, name + ".png", {"--scheduler", name, "--steps", "3"});
    ASSERT_TRUE(image) << name;
    EXPECT_GT(spread(*image), 5) << name;
  }
}

TEST(Paint, LittleMemoryDevelopsInTilesThatLookLikeTheWhole) {
  const TempDir dir;
  Words words = quick() + Words{"--precision", "f32"};
  std::erase(words, "-q");
  words[5] = "512";  // --size
  words[7] = "1";    // --steps
  const Outcome whole = danqing(dir.path(), words + Words{"-o", "whole.png"});
  const Outcome tiled = danqing(dir.path(), words + Words{"-o", "tiled.png", "--memory", "64M"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  ASSERT_EQ(tiled.status, 0) << tiled.err;
  EXPECT_EQ(whole.err.find("tiles"), std::string::npos) << whole.err;
  EXPECT_NE(tiled.err.find("was developed in tiles"), std::string::npos) << tiled.err;
  EXPECT_LT(tiled.peak_bytes, whole.peak_bytes);
  const media::Image a = media::read_image(dir.path() / "whole.png"),
                     b = media::read_image(dir.path() / "tiled.png");
  const std::vector<float> x(a.pixels.begin(), a.pixels.end()), y(b.pixels.begin(), b.pixels.end());
  // Tiles normalise over themselves instead of over the picture; of one noise they have nearly its
  // statistics.
  EXPECT_GT(psnr(y, x, 255), 40);
}

}  // namespace
}  // namespace dq::test
