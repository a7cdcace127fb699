// paint --from and show: what made a picture, and making it once more.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/cli.h"
#include "base/mapped_file.h"
#include "media/codec.h"
#include "media/metadata.h"
#include "support/golden.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json shown(const TempDir& dir, const Words& files, int status = 0) {
  const Outcome run = danqing(dir.path(), Words{"show", "--json"} + files);
  EXPECT_EQ(run.status, status) << run.err;
  return json::parse(run.out, nullptr, false);
}

TEST(From, RepeatsToTheSameBytesInEveryFormat) {
  const TempDir dir;
  for (const std::string end : {".png", ".jpg", ".webp"}) {
    ASSERT_TRUE(
        painted(dir, "a" + end,
                {"--sampler", "dpmpp_2m_sde", "--scheduler", "karras", "--cfg", "5.5", "-n", "a dog"}));
    const Outcome run = danqing(dir.path(), {"paint", "-q", "--from", "a" + end, "-o", "b" + end});
    ASSERT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "b" + end + "\n");
    EXPECT_TRUE(file_bytes(dir.path() / ("a" + end)) == file_bytes(dir.path() / ("b" + end))) << end;
  }
}

TEST(From, APictureNamesItsVaeByItsHash) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png", {"--vae", checkpoint().string()}));
  const auto file = MappedFile::open(dir.path() / "a.png");
  const auto texts = media::read_texts(file->bytes());
  const std::string* request = media::find_text(texts, "danqing");
  ASSERT_TRUE(request);
  const json told = json::parse(*request, nullptr, false);
  EXPECT_EQ(told.at("vae_sha256").get<std::string>().size(), 64u);
  EXPECT_EQ(told.at("vae_sha256"), told.at("model_sha256"));
  ASSERT_EQ(danqing(dir.path(), {"paint", "-q", "--from", "a.png", "-o", "b.png"}).status, 0);
  EXPECT_TRUE(file_bytes(dir.path() / "a.png") == file_bytes(dir.path() / "b.png"));
}

TEST(From, OtherOptionsChangeJustWhatTheySay) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png", {"--cfg", "5.5", "-n", "a dog"}));
  const Outcome run = danqing(dir.path(), {"paint", "-q", "--from=a.png", "--seed", "5", "-o", "b.png"});
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_TRUE(painted(dir, "c.png", {"--cfg", "5.5", "-n", "a dog", "--seed", "5"}));
  EXPECT_TRUE(file_bytes(dir.path() / "b.png") == file_bytes(dir.path() / "c.png"));
  json a = shown(dir, {"a.png"}).at(0), b = shown(dir, {"b.png"}).at(0);
  EXPECT_EQ(a.at("seed"), 1);
  EXPECT_EQ(b.at("seed"), 5);
  for (json* one : {&a, &b}) {
    one->erase("file");
    one->erase("seed");
    one->erase("settings");
  }
  EXPECT_EQ(a, b);
}

TEST(From, RepeatsAPictureMadeFromAPicture) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "init.png"));
  ASSERT_TRUE(painted(dir, "other.png", {"--seed", "7"}));
  ASSERT_TRUE(painted(dir, "a.png", {"--init", (dir.path() / "init.png").string(), "--denoise", "0.5"}));
  ASSERT_EQ(danqing(dir.path(), {"paint", "-q", "--from", "a.png", "-o", "b.png"}).status, 0);
  EXPECT_TRUE(file_bytes(dir.path() / "a.png") == file_bytes(dir.path() / "b.png"));
  // Another picture in its place is told; one that is named anew is taken.
  fs::copy_file(dir.path() / "other.png", dir.path() / "init.png", fs::copy_options::overwrite_existing);
  expect_refusal(dir, {"paint", "-q", "--from", "a.png", "-o", "c.png"}, "not the one");
  const Outcome named =
      danqing(dir.path(), {"paint", "-q", "--from", "a.png", "--init", "other.png", "-o", "c.png"});
  EXPECT_EQ(named.status, 0) << named.err;
}

TEST(From, TakesTheSettingsOfAWebuiPicture) {
  const TempDir dir;
  const std::string webui = golden_path("media/a1111.png");
  const json theirs = shown(dir, {webui}).at(0);
  ASSERT_EQ(theirs.at("program"), "A1111 WebUI");
  expect_refusal(dir, {"paint", "-q", "--from", webui, "-o", "a.png"}, "no model is given");
  const Outcome run = danqing(dir.path(), {"paint", "-q", "--from", webui, "-m", checkpoint().string(),
                                           "--size", "64", "--steps", "2", "-o", "a.png"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json ours = shown(dir, {"a.png"}).at(0);
  EXPECT_EQ(ours.at("program"), "Danqing");
  for (const char* same : {"prompt", "negative_prompt", "seed", "cfg", "sampler", "scheduler"})
    EXPECT_EQ(ours.at(same), theirs.at(same)) << same;
  EXPECT_EQ(ours.at("steps"), 2);
}

TEST(From, APictureThatTellsNothingIsRefused) {
  const TempDir dir;
  media::write_image(dir.path() / "plain.png", media::make_image(8, 8, 3, 9));
  expect_refusal(dir, {"paint", "--from", "plain.png"}, "nothing in this picture tells how it was made");
  expect_refusal(dir, {"paint", "--from", "none.png"}, "none.png");
  dir.write("text.png", "no picture");
  expect_refusal(dir, {"paint", "--from", "text.png"}, "text.png");
}

TEST(Show, TellsWhatMadeOurPictures) {
  const TempDir dir;
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    ASSERT_TRUE(painted(dir, name, {"--clip-skip", "2", "-n", "a dog"}));
    const Outcome run = danqing(dir.path(), {"show", name});
    EXPECT_EQ(run.status, 0) << run.err;
    for (const char* part : {"Danqing", "a cat", "a dog", "64x64", "Euler", "clip skip", "plain ["})
      EXPECT_NE(run.out.find(part), std::string::npos) << name << ": " << part << " in " << run.out;
    const json told = shown(dir, {name});
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told.at(0).at("file"), name);
    EXPECT_EQ(told.at(0).at("prompt"), "a cat");
    EXPECT_EQ(told.at(0).at("negative_prompt"), "a dog");
    EXPECT_EQ(told.at(0).at("seed"), 1);
    EXPECT_EQ(told.at(0).at("width"), 64);
    EXPECT_EQ(told.at(0).at("clip_skip"), 2);
    EXPECT_EQ(told.at(0).at("model"), "plain");
    EXPECT_EQ(told.at(0).at("model_hash").get<std::string>().size(), 10u);
  }
}

TEST(Show, APictureWithoutSettingsIsAnErrorAndTheOthersAreShown) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png"));
  media::write_image(dir.path() / "plain.png", media::make_image(8, 8, 3, 9));
  dir.write("text.png", "no picture");
  expect_refusal(dir, {"show", "plain.png"}, "nothing in this picture tells");
  expect_refusal(dir, {"show", "text.png"}, "text.png");
  const json told = shown(dir, {"plain.png", "a.png"}, 1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.at(0).at("file"), "a.png");
}

TEST(Show, RawPrintsTheTextsAsTheyStand) {
  const TempDir dir;
  ASSERT_TRUE(painted(dir, "a.png"));
  const Outcome run = danqing(dir.path(), {"show", "--raw", "a.png"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("parameters: a cat\nSteps: 2, Sampler: Euler"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("danqing: {"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace dq::test
