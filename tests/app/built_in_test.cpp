// The model that comes with the program.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/cli.h"
#include "files/safetensors_write.h"
#include "files/weight_source.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kKnows = R"({"format": 1,
  "things": [{"en": ["red apple", "apple"], "zh": ["红苹果", "苹果"], "kind": "fruit"},
             {"en": ["dog"], "zh": ["狗"], "kind": "mammal"}],
  "colours": [{"en": ["blue"], "zh": ["蓝色"]}], "shapes": [],
  "not_taught": [{"en": ["zebra"], "zh": ["斑马"], "kind": "mammal"}],
  "words": ["on", "a", "background", "背", "景", "上", "的"]})";

// A folder of shipped files with the small random checkpoint as the built-in model.
fs::path share_with_model(const TempDir& dir, const std::string& name) {
  const fs::path share = dir.path() / name;
  fs::create_directories(share / "mini");
  const auto device = ops::make_cpu_device();
  const auto source = files::open_weights(checkpoint());
  std::map<std::string, std::string> texts = source->metadata();
  texts["modelspec.resolution"] = "64x64";
  texts["danqing.defaults"] = R"({"steps": 2, "guidance": 3, "sampler": "dpmpp_2m", "scheduler": "karras"})";
  texts["danqing.knows"] = kKnows;
  std::vector<files::TensorToWrite> tensors;
  for (const files::TensorEntry& entry : source->tensors())
    tensors.push_back(files::to_write(entry.name, files::WeightSource::view(entry, *device)));
  files::write_safetensors(share / "mini/danqing-mini.safetensors", std::move(tensors), texts);
  return share;
}

json shown(const TempDir& dir, const std::string& picture) {
  const Outcome run = danqing(dir.path(), {"show", "--json", picture});
  EXPECT_EQ(run.status, 0) << run.err;
  return json::parse(run.out, nullptr, false).at(0);
}

TEST(BuiltIn, PaintsWithoutAModelInTheWayThatItsFileStates) {
  const TempDir dir;
  const fs::path share = share_with_model(dir, "share");
  const Outcome told =
      danqing_with(share, dir.path(), {"paint", "a red apple", "--seed", "1", "-o", "a.png"});
  ASSERT_EQ(told.status, 0) << told.err;
  EXPECT_NE(told.err.find("the built-in sample model paints"), std::string::npos) << told.err;
  EXPECT_NE(told.err.find("-m FILE"), std::string::npos) << told.err;
  const json made = shown(dir, "a.png");
  EXPECT_EQ(made.at("model"), "built-in");
  EXPECT_EQ(made.at("width"), 64);
  EXPECT_EQ(made.at("steps"), 2);
  EXPECT_EQ(made.at("cfg"), 3);
  EXPECT_EQ(made.at("sampler"), "DPM++ 2M");
  EXPECT_EQ(made.at("scheduler"), "Karras");
  const Outcome quiet = danqing_with(
      share, dir.path(), {"paint", "a red apple", "--seed", "1", "--sampler", "euler", "-q", "-o", "b.png"});
  EXPECT_EQ(quiet.status, 0);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(shown(dir, "b.png").at("sampler"), "Euler");
  EXPECT_EQ(shown(dir, "b.png").at("scheduler"), "Normal");
}

TEST(BuiltIn, APictureIsRepeatedWhereTheModelLiesElsewhere) {
  const TempDir dir;
  const fs::path here = share_with_model(dir, "here");
  ASSERT_EQ(danqing_with(here, dir.path(), {"paint", "a dog", "-q", "-o", "a.png"}).status, 0);
  const fs::path there = dir.path() / "there";
  fs::rename(here, there);
  const Outcome again = danqing_with(there, dir.path(), {"paint", "-q", "--from", "a.png", "-o", "b.png"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_TRUE(file_bytes(dir.path() / "a.png") == file_bytes(dir.path() / "b.png"));
  // Without it the picture cannot be repeated, and another program's picture is never taken for one of its
  // own.
  const Outcome without = danqing(dir.path(), {"paint", "-q", "--from", "a.png", "-o", "c.png"});
  EXPECT_EQ(without.status, 1);
  EXPECT_NE(without.err.find("the built-in model is not there"), std::string::npos) << without.err;
  const Outcome theirs = danqing_with(
      there, dir.path(), {"paint", "-q", "--from", golden_path("media/a1111.png"), "-o", "c.png"});
  EXPECT_EQ(theirs.status, 1);
  EXPECT_NE(theirs.err.find("no model is given"), std::string::npos) << theirs.err;
}

TEST(BuiltIn, WhatItWasNotTaughtIsToldAndPaintedAllTheSame) {
  const TempDir dir;
  const fs::path model = share_with_model(dir, "share") / "mini/danqing-mini.safetensors";
  const auto said = [&](const std::string& prompt) {
    const Outcome run =
        danqing(dir.path(), {"paint", prompt, "-m", model.string(), "-q", "--seed", "1", "-o", "a.png"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "a.png\n");
    return run.err;
  };
  EXPECT_EQ(said("a red apple on a blue background"), "");
  EXPECT_EQ(said("蓝色背景上的红苹果"), "");
  EXPECT_EQ(said("a zebra on a blue background"),
            "warning: this small model was not taught zebra. Near to that it knows dog\n");
  EXPECT_EQ(said("蓝色背景上的斑马"),
            "warning: this small model was not taught 斑马. Near to that it knows 狗\n");
}

// Training begins from it as from any other file.
TEST(BuiltIn, IsTrainedOn) {
  const TempDir dir;
  const fs::path share = share_with_model(dir, "share");
  fs::create_directories(dir.path() / "pictures");
  ASSERT_EQ(
      danqing_with(share, dir.path(), {"paint", "a red apple", "--seed", "1", "-o", "pictures/apple.png"})
          .status,
      0);
  const Outcome run =
      danqing_with(share, dir.path(),
                   {"train", "lora", "pictures", "-m", "built-in", "--trigger", "sks", "--keep-all",
                    "--resolution", "64", "--steps", "1", "--no-samples", "-o", "out.safetensors"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(fs::exists(dir.path() / "out.safetensors"));
}

}  // namespace
}  // namespace dq::test
