#include "pipeline/built_in.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "pipeline/stated_defaults.h"
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

}  // namespace
}  // namespace dq::test
