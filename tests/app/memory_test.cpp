// --memory bounds the whole run: smaller tiles, or a refusal before the first step (fewer rows at a time:
// test_pipeline).
#include <gtest/gtest.h>

#include "app/cli.h"
#include "media/codec.h"
#include "support/golden.h"

namespace dq::test {
namespace {

Words large(const std::string& output) {
  Words words = quick() + Words{"-o", output, "--precision", "f32"};
  std::erase(words, "-q");
  words[5] = "1024";  // --size
  words[7] = "1";     // --steps
  return words;
}

TEST(Memory, WhatCannotFitIsRefusedBeforeAnythingIsLoaded) {
  const TempDir dir;
  const Words paint{"paint", "x", "-q", "-m", checkpoint().string(), "--memory", "64M"};
  expect_refusal(dir, paint + Words{"--size", "16384"}, "--memory allows 64 MB");
  expect_refusal(dir, paint + Words{"--size", "16384"}, "painting 16384x16384 needs about");
  expect_refusal(dir, paint + Words{"--hires", "8"},
                 "smaller --size, or a smaller --hires, or more --memory");
  Words loud = paint + Words{"--size", "16384"};
  std::erase(loud, "-q");
  const Outcome run = danqing(dir.path(), loud);
  EXPECT_EQ(run.err.find("reading the prompt"), std::string::npos) << run.err;
  EXPECT_EQ(run.err.find("loading"), std::string::npos) << run.err;
}

TEST(Memory, LittleOfItGivesTheSamePictureInTiles) {
  const TempDir dir;
  const Outcome whole = danqing(dir.path(), large("whole.png"));
  const Outcome little = danqing(dir.path(), large("little.png") + Words{"--memory", "75M"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  ASSERT_EQ(little.status, 0) << little.err;
  EXPECT_EQ(whole.err.find("tiles of"), std::string::npos) << whole.err;
  EXPECT_NE(little.err.find("developed in tiles of"), std::string::npos) << little.err;
  EXPECT_LT(little.peak_bytes, whole.peak_bytes);
  const media::Image a = media::read_image(dir.path() / "whole.png"),
                     b = media::read_image(dir.path() / "little.png");
  EXPECT_LT(mean_difference(a, b), 2);
  EXPECT_GT(spread(a), 5);
}

// A denoiser of 53 MB in f32.
TEST(Memory, AModelThatDoesNotFitIsReadAtEachStep) {
  const TempDir dir;
  const auto model = checkpoint("mini-f32.safetensors", {"--size", "mini", "--dtype", "f32"});
  const std::string texts = DQ_SOURCE_DIR "/tools/mini/parts/text.safetensors";
  const Words words{"paint",  "a cat",  "-m",          model.string(), "--text-encoder",
                    texts,    "--size", "384",         "--steps",      "2",
                    "--seed", "1",      "--precision", "f32"};
  const Outcome whole = danqing(dir.path(), words + Words{"-o", "whole.png"});
  const Outcome little = danqing(dir.path(), words + Words{"-o", "little.png", "--memory", "64M"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  ASSERT_EQ(little.status, 0) << little.err;
  EXPECT_EQ(whole.err.find("to stay within memory"), std::string::npos) << whole.err;
  EXPECT_NE(little.err.find("of the model's weights are read from the file at each step"), std::string::npos)
      << little.err;
  EXPECT_LT(little.peak_bytes, whole.peak_bytes);
  const media::Image a = media::read_image(dir.path() / "whole.png"),
                     b = media::read_image(dir.path() / "little.png");
  EXPECT_LT(mean_difference(a, b), 2);
  EXPECT_GT(spread(a), 5);
}

TEST(Memory, APictureThatFitsIsTheSameToTheByte) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png"));
  ASSERT_TRUE(painted(dir, "b.png", {"--memory", "8G"}));
  EXPECT_TRUE(file_bytes(dir.path() / "a.png") == file_bytes(dir.path() / "b.png"));
}

}  // namespace
}  // namespace dq::test
