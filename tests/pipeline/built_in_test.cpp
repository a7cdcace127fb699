#include "pipeline/built_in.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "pipeline/stated_defaults.h"
#include "pipeline/stated_preview.h"
#include "support/temp_dir.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using pipeline::share_folder;

TEST(Share, IsFoundBesideAboveAndInACheckout) {
  const TempDir dir;
  const fs::path root = dir.path(), program = root / "build/release/danqing";
  fs::create_directories(program.parent_path());
  EXPECT_EQ(share_folder(program, ""), std::nullopt);
  fs::create_directories(root / "share/other");
  EXPECT_EQ(share_folder(program, ""), std::nullopt) << "a share folder of others";
  fs::create_directories(root / "share/mini");
  EXPECT_EQ(share_folder(program, ""), root / "share");
  fs::create_directories(root / "build/share/danqing/mini");
  EXPECT_EQ(share_folder(program, ""), root / "build/share/danqing");
  fs::create_directories(root / "build/release/share/mini");
  EXPECT_EQ(share_folder(program, ""), root / "build/release/share");
  EXPECT_EQ(share_folder("", ""), std::nullopt);
}

TEST(Share, TheEnvironmentIsTakenAtItsWord) {
  const TempDir dir;
  const fs::path program = dir.path() / "danqing";
  fs::create_directories(dir.path() / "share/mini");
  fs::create_directories(dir.path() / "mine");
  EXPECT_EQ(share_folder(program, (dir.path() / "mine").string()), dir.path() / "mine");
  EXPECT_EQ(share_folder(program, (dir.path() / "none").string()), std::nullopt);
}

TEST(Share, OtherModelsThanTheBuiltInStandForThemselves) {
  for (const char* name : {"", "a.safetensors", "./built-in", "models/built-in"})
    EXPECT_EQ(pipeline::model_path(name), name);
}

pipeline::Request with_defaults(const std::string& text, pipeline::Request request = {}) {
  pipeline::apply_stated_defaults({{"danqing.defaults", text}}, request);
  return request;
}

constexpr const char* kStated =
    R"({"steps": 12, "guidance": 4, "sampler": "dpmpp_2m", "scheduler": "karras"})";

TEST(StatedDefaults, FillInWhatIsOpen) {
  const pipeline::Request all = with_defaults(kStated);
  EXPECT_EQ(all.steps, 12);
  EXPECT_EQ(all.guidance, 4);
  EXPECT_EQ(all.sampler, "dpmpp_2m");
  EXPECT_EQ(all.scheduler, "karras");
  pipeline::Request asked;
  asked.steps = 3;
  asked.guidance = 1;
  asked.sampler = "euler";
  EXPECT_EQ(pipeline::to_json(with_defaults(kStated, asked)), pipeline::to_json(asked));
  pipeline::Request scheduled;
  scheduled.scheduler = "simple";
  EXPECT_EQ(with_defaults(kStated, scheduled).sampler, "dpmpp_2m");
  EXPECT_EQ(with_defaults(kStated, scheduled).scheduler, "simple");
}

TEST(StatedDefaults, PassOverWhatMakesNoSense) {
  const std::string untouched = pipeline::to_json({});
  for (const char* text :
       {"", "[]", "{", "{}", R"({"steps": 0, "guidance": -2, "sampler": "dpmpp2", "scheduler": 3})",
        R"({"steps": "12", "guidance": 1e9, "sampler": [], "scheduler": ""})", R"({"steps": 1e99})"})
    EXPECT_EQ(pipeline::to_json(with_defaults(text)), untouched) << text;
  EXPECT_EQ(pipeline::to_json(with_defaults(std::string(100'000, '['))), untouched);
}

models::LatentFormat with_preview(const std::string& text) {
  models::LatentFormat format;
  format.channels = 2;
  format.preview_bias = {9, 9, 9};
  return pipeline::with_stated_preview({{"danqing.preview", text}}, format);
}

TEST(StatedPreview, TakesThePlaceOfTheFamilys) {
  const models::LatentFormat format =
      with_preview(R"({"rows": [[1, 2, 3], [0.5, 0, -1]], "bias": [0.25, 0, 0]})");
  EXPECT_EQ(format.preview_rows, (std::vector<std::array<float, 3>>{{1, 2, 3}, {0.5f, 0, -1}}));
  EXPECT_EQ(format.preview_bias, (std::array<float, 3>{0.25f, 0, 0}));
  const models::LatentFormat again = with_preview(pipeline::stated_preview_text(format));
  EXPECT_EQ(again.preview_rows, format.preview_rows);
  EXPECT_EQ(again.preview_bias, format.preview_bias);
}

TEST(StatedPreview, WhatIsNoMapIsPassedOver) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"rows": [[1, 2, 3]], "bias": [0, 0, 0]})",
        R"({"rows": [[1, 2, 3], [1, 2]], "bias": [0, 0, 0]})",
        R"({"rows": [[1, 2, 3], [1, 2, "x"]], "bias": [0, 0, 0]})",
        R"({"rows": [[1, 2, 3], [1, 2, 3]], "bias": 0})", R"({"rows": 2, "bias": [0, 0, 0]})"}) {
    const models::LatentFormat format = with_preview(text);
    EXPECT_TRUE(format.preview_rows.empty()) << text;
    EXPECT_EQ(format.preview_bias[0], 9) << text;
  }
  EXPECT_TRUE(with_preview(std::string(100'000, '[')).preview_rows.empty());
}

}  // namespace
}  // namespace dq::test
