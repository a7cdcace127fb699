// danqing train lora, and painting with what it wrote.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "app/cli.h"
#include "base/counter_random.h"
#include "media/codec.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

// A folder "cats" of pictures with hard edges, the third of them a copy of the first.
void write_pictures(const TempDir& dir) {
  fs::create_directories(dir.path() / "cats");
  for (std::uint64_t i = 0; i < 3; ++i) {
    media::Image image = media::make_image(64, 64, 3);
    for (std::uint64_t y = 0; y < 64; ++y) {
      for (std::uint64_t x = 0; x < 64; ++x) {
        CounterRandom random{i % 2, y / 8, x / 8};
        for (int c = 0; c < 3; ++c) {
          image.row(static_cast<int>(y))[3 * x + static_cast<std::uint64_t>(c)] =
              static_cast<std::uint8_t>(random.below(256));
        }
      }
    }
    media::write_image(dir.path() / "cats" / (std::to_string(i) + ".png"), image);
  }
  std::ofstream(dir.path() / "cats" / "0.txt") << "a cat";
}

Words train(const Words& more = {}, const std::string& steps = "6") {
  return Words{"train",   "lora", "cats",   "-m",   checkpoint().string(), "--resolution", "64",
               "--steps", steps,  "--rate", "0.01", "--trigger",           "sks"} +
         more;
}

TEST(Train, ALoraIsWrittenAndPaintsAnotherPicture) {
  const TempDir dir;
  write_pictures(dir);
  const Outcome run = danqing(dir.path(), train());
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "cats.safetensors\n");
  EXPECT_NE(run.err.find("2.png is left out: it shows the same as 0.png"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("6 steps over 2 pictures"), std::string::npos) << run.err;
  EXPECT_EQ(names_in(dir.path()),
            (Words{"cats", "cats-cache", "cats-logs", "cats.safetensors", "cats.safetensors.state"}));
  const auto plain = painted(dir, "plain.png"),
             with = painted(dir, "with.png", {"--lora", "cats.safetensors"}),
             without = painted(dir, "without.png", {"--lora", "cats.safetensors:0"});
  ASSERT_TRUE(plain && with && without);
  EXPECT_TRUE(plain->pixels == without->pixels);
  EXPECT_GT(mean_difference(*plain, *with), 0.5);
  // The picture knows its LoRA, and is made again with it.
  const Outcome show = danqing(dir.path(), {"show", "with.png"});
  EXPECT_NE(show.out.find("cats"), std::string::npos) << show.out;
  const Outcome again = danqing(dir.path(), {"paint", "--from", "with.png", "-q", "-o", "again.png"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_TRUE(file_bytes(dir.path() / "again.png") == file_bytes(dir.path() / "with.png"));
  const Outcome inspect = danqing(dir.path(), {"inspect", "cats.safetensors"});
  EXPECT_NE(inspect.out.find("LoRA"), std::string::npos) << inspect.out;
  EXPECT_NE(inspect.out.find("sks"), std::string::npos) << inspect.out;
}

// sd-scripts' description of the same pictures, another kind of network, under ComfyUI's names.
TEST(Train, AKohyaDatasetAndALokrUnderComfysNames) {
  const TempDir dir;
  write_pictures(dir);
  std::ofstream(dir.path() / "data.toml") << "[[datasets]]\nresolution = 64\n[[datasets.subsets]]\n"
                                             "image_dir = 'cats'\nnum_repeats = 2\nclass_tokens = 'sks'\n";
  const Words words{"train",   "lora", "data.toml", "-m",  checkpoint().string(),
                    "--steps", "4",    "--rate",    "0.01"};
  const Outcome run = danqing(dir.path(), words + Words{"--network", "lokr", "--format", "comfy"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "data.safetensors\n");
  const auto plain = painted(dir, "plain.png"),
             with = painted(dir, "with.png", {"--lora", "data.safetensors"});
  ASSERT_TRUE(plain && with);
  EXPECT_GT(mean_difference(*plain, *with), 0.2);
  const Outcome inspect = danqing(dir.path(), {"inspect", "data.safetensors"});
  EXPECT_NE(inspect.out.find("LoKr"), std::string::npos) << inspect.out;
  for (const Words& wrong :
       {Words{"--network", "lokra"}, Words{"--network", "loha", "--format", "diffusers"}}) {
    const Outcome refused = danqing(dir.path(), words + wrong);
    EXPECT_EQ(refused.status, 1) << refused.err;
    EXPECT_NE(refused.err.find("lora"), std::string::npos) << refused.err;
  }
}

TEST(Train, InterruptedItGoesOnToTheSameFile) {
  const TempDir dir;
  write_pictures(dir);
  const Words words = train({}, "130");
  const Outcome stopped = danqing(dir.path(), words, SIGINT, "step 100");
  ASSERT_TRUE(stopped.signal_was_sent);
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_NE(stopped.err.find("--resume"), std::string::npos) << stopped.err;
  EXPECT_FALSE(fs::exists(dir.path() / "cats.safetensors"));
  ASSERT_EQ(danqing(dir.path(), words + Words{"-q", "--resume"}).status, 0);
  const std::string resumed = file_bytes(dir.path() / "cats.safetensors");
  ASSERT_EQ(danqing(dir.path(), words + Words{"-q"}).status, 0);
  EXPECT_TRUE(file_bytes(dir.path() / "cats.safetensors") == resumed);
}

TEST(Train, AWholeModelIsTrainedAndPaints) {
  const TempDir dir;
  write_pictures(dir);
  Words words = train({"-o", "tuned.safetensors", "--train-text-encoder", "--optimizer", "lion",
                       "--optimizer-option", "beta2=0.98", "--average", "0.5", "--keep-every", "3",
                       "--sample", "a cat", "--sample-steps", "2"});
  words[1] = "full";
  const Outcome run = danqing(dir.path(), words);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "tuned.safetensors\n");
  EXPECT_NE(run.err.find("samples of the base and the result: tuned-logs/grid.png"), std::string::npos)
      << run.err;
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "tuned-step00000003.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "tuned-logs" / "sample-step00000003-1.png"));
  const auto base = painted(dir, "base.png"), tuned = painted(dir, "tuned.png", {"-m", "tuned.safetensors"});
  ASSERT_TRUE(base && tuned);
  EXPECT_GT(mean_difference(*base, *tuned), 0.5);
  const Outcome told = danqing(dir.path(), {"inspect", "tuned.safetensors"});
  EXPECT_NE(told.out.find("Stable Diffusion 1.x · checkpoint"), std::string::npos) << told.out;
}

TEST(Train, AWordIsLearnedAndPaintsWhereItIsCalled) {
  const TempDir dir;
  write_pictures(dir);
  Words words = train({"--initial", "cat", "--vectors", "3", "--sample-steps", "2"});
  words[1] = "embedding";
  const Outcome run = danqing(dir.path(), words);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "sks.safetensors\n") << "prompts call it by the trigger";
  EXPECT_NE(run.err.find("6 steps over 2 pictures"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("embedding:sks"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("sks-logs/grid.png"), std::string::npos) << run.err;
  fs::create_directories(dir.path() / "words");
  fs::copy(dir.path() / "sks.safetensors", dir.path() / "words" / "sks.safetensors");
  const auto paint = [&](const std::string& prompt, const Words& more) {
    const Outcome painting =
        danqing(dir.path(), Words{"paint", prompt, "-m", checkpoint().string(), "--size", "64x64", "--steps",
                                  "2", "--seed", "1", "-q", "-o", "x.png"} +
                                more);
    EXPECT_EQ(painting.status, 0) << painting.err;
    return media::read_image(dir.path() / "x.png");
  };
  const Words known{"--embeddings", "words"};
  EXPECT_GT(mean_difference(paint("a embedding:sks", known), paint("a embedding:sks", {})), 0.1);
  EXPECT_TRUE(paint("a cat", known).pixels == paint("a cat", {}).pixels);
  const Outcome told = danqing(dir.path(), {"inspect", "sks.safetensors"});
  EXPECT_NE(told.out.find("textual-inversion"), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("trigger      sks"), std::string::npos) << told.out;
  // Once more from where it was: the same file; but not as another run.
  const std::string first = file_bytes(dir.path() / "sks.safetensors");
  ASSERT_EQ(danqing(dir.path(), words + Words{"-q", "--resume"}).status, 0);
  EXPECT_TRUE(file_bytes(dir.path() / "sks.safetensors") == first);
  const Outcome other = danqing(dir.path(), words + Words{"-q", "--resume", "--free-norm"});
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.err.find("“keep_norm true” then, “keep_norm false” now"), std::string::npos) << other.err;
}

TEST(Train, WhatCannotBeIsRefusedInOneLine) {
  const TempDir dir;
  write_pictures(dir);
  const std::string base = checkpoint().string();
  expect_refusal(dir, {"train", "lora", "dogs", "-m", base, "-q"}, "there is no such folder of pictures");
  expect_refusal(dir, {"train", "lora", "cats", "-m", "absent.safetensors", "-q"}, "absent.safetensors");
  expect_refusal(dir, {"train", "lora", "cats", "-m", base, "-q", "--resolution", "64", "--optimizer", "sgd"},
                 "adamw8bit");
  expect_refusal(dir, {"train", "lora", "cats", "-m", base, "-q", "--optimizer-option", "beta2"},
                 "NAME=NUMBER");
  expect_refusal(dir, {"train", "lora", "cats", "-m", base, "-q"},
                 "none of the 3 pictures can be used");  // tiny for 512
  expect_refusal(dir, train({"-q", "--rank", "100000"}), "--rank must be from 1 to 4096");
  expect_refusal(dir, train({"-q", "--schedule", "cosin"}), "Did you mean cosine");
  expect_refusal(dir, train({"-q", "--resume"}), "there is no stopped run to go on with");
  const Words word{"train", "embedding", "cats", "-m", base, "-q", "--resolution", "64"};
  expect_refusal(dir, word + Words{"--vectors", "76"}, "--vectors must be from 1 to 75");
  expect_refusal(dir, word + Words{"--trigger", "my cat"}, "cannot be called in a prompt");
  expect_refusal(dir, word + Words{"--trigger", "../cat"}, "cannot be called in a prompt");
  expect_refusal(dir, word + Words{"--trigger", ""}, "needs a word");
  expect_refusal(dir, word + Words{"-o", "my cat.safetensors"}, "cannot be called in a prompt");
  expect_refusal(dir, word + Words{"--initial", " "}, "--initial holds no words");
}

// The control net that was trained lays a picture out, in part of its steps and at another strength
// otherwise, also in the second pass; the picture knows it.
TEST(Train, AControlNetIsTrainedAndFollowed) {
  const TempDir dir;
  write_pictures(dir);
  fs::create_directories(dir.path() / "edges");
  for (const char* name : {"0.png", "1.png"})
    media::write_image(dir.path() / "edges" / name,
                       media::to_gray(media::read_image(dir.path() / "cats" / name)));
  const Words words{
      "train",        "controlnet", "cats", "--conditioning",  "edges",   "-m", checkpoint().string(),
      "--resolution", "64",         "-o",   "net.safetensors", "--steps", "6",  "--rate",
      "0.01",         "--batch",    "2"};
  const Outcome run = danqing(dir.path(), words);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.err.find("2.png is left out"), std::string::npos) << run.err;
  const Words follow{"--control-image", "edges/0.png"};
  const auto plain = painted(dir, "plain.png"),
             with = painted(dir, "with.png", follow + Words{"--control", "net.safetensors"}),
             half = painted(dir, "half.png", follow + Words{"--control", "net.safetensors:0.5"}),
             early = painted(dir, "early.png",
                             follow + Words{"--control", "net.safetensors", "--control-end", "0.4"}),
             none = painted(dir, "none.png", follow + Words{"--control", "net.safetensors:0"}),
             twice = painted(
                 dir, "twice.png",
                 follow + Words{"--control", "net.safetensors:0.25", "--control", "net.safetensors:0.25"});
  ASSERT_TRUE(plain && with && half && early && none && twice);
  EXPECT_TRUE(plain->pixels == none->pixels);
  EXPECT_GT(mean_difference(*plain, *with), 0.5);
  EXPECT_FALSE(with->pixels == half->pixels);
  EXPECT_FALSE(with->pixels == early->pixels);
  EXPECT_FALSE(plain->pixels == early->pixels);
  EXPECT_LT(mean_difference(*half, *twice), 0.1);  // strengths add up
  const Outcome show = danqing(dir.path(), {"show", "with.png"});
  EXPECT_NE(show.out.find("ControlNet 0: Module: none, Model: net, Weight: 1"), std::string::npos)
      << show.out;
  const Outcome again = danqing(dir.path(), {"paint", "--from", "early.png", "-q", "-o", "again.png"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_TRUE(file_bytes(dir.path() / "again.png") == file_bytes(dir.path() / "early.png"));
  const auto large =
                 painted(dir, "large.png", follow + Words{"--control", "net.safetensors", "--hires", "1.5"}),
             bare = painted(dir, "bare.png", {"--hires", "1.5"});
  ASSERT_TRUE(large && bare);
  EXPECT_EQ(large->width, 96);
  EXPECT_GT(mean_difference(*large, *bare), 0.5);
  // Another picture in its place is told.
  fs::copy_file(dir.path() / "edges/1.png", dir.path() / "edges/0.png", fs::copy_options::overwrite_existing);
  expect_refusal(dir, {"paint", "--from", "with.png", "-q", "-o", "x.png"},
                 "not the one that the request was made with");
}

TEST(Control, WhatCannotBeIsRefusedInOneLine) {
  const TempDir dir;
  write_pictures(dir);
  const Words paint = quick() + Words{"-o", "x.png"}, image{"--control-image", "cats/0.png"};
  const std::string model = checkpoint().string();
  expect_refusal(dir, paint + image + Words{"--control", "absent.safetensors:0.8"}, "absent.safetensors");
  expect_refusal(dir, paint + image + Words{"--control", model}, "holds no control net");
  expect_refusal(dir, paint + Words{"--control", model}, "needs the picture that it is to follow");
  expect_refusal(dir, paint + image, "--control-image needs a control net");
  expect_refusal(dir, paint + image + image + image + Words{"--control", model, "--control", model},
                 "--control-image is given 3 times, --control 2 times");
  expect_refusal(dir, paint + image + Words{"--control", model + ":11"}, "from 0 to 10");
  expect_refusal(dir,
                 paint + image + Words{"--control", model, "--control-start", "0.5", "--control-end", "0.4"},
                 "--control-end must be from 0.5 to 1");
  fs::remove(dir.path() / "cats/2.png");  // it shows what another one shows, which would be told too
  const Words train{"train", "controlnet", "cats", "-m", model, "-q", "--resolution", "64"};
  expect_refusal(dir, train, "none are named");
  expect_refusal(dir, train + Words{"--conditioning", "absent"}, "no such folder of control pictures");
  expect_refusal(dir, train + Words{"--conditioning", "cats", "--control", model}, "holds no control net");
}

TEST(Lora, WhatCannotBeIsRefusedInOneLine) {
  const TempDir dir;
  const Words paint = quick() + Words{"-o", "x.png"};
  expect_refusal(dir, paint + Words{"--lora", "absent.safetensors:0.8"}, "absent.safetensors");
  expect_refusal(dir, paint + Words{"--lora", checkpoint().string()}, "this is no LoRA");
  expect_refusal(dir, paint + Words{"--lora", "x:1000"}, "from -100 to 100");
}

}  // namespace
}  // namespace dq::test
