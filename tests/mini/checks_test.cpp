// What the program brings along to check a small model with: a part of the catalogue, and its judge.
#include "mini/checks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/small_file.h"
#include "mini/catalogue_reduce.h"
#include "mini/known_list.h"
#include "ops/devices.h"
#include "pipeline/known_words.h"
#include "sample_catalogue.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::mini {
namespace {

namespace fs = std::filesystem;

const fs::path kShipped = fs::path(DQ_SOURCE_DIR) / "share/mini";

// Retrieval in both languages, then scenes in both.
std::vector<std::string> asked(const Composer& composer) {
  std::vector<std::string> out;
  for (const bool chinese : {false, true}) {
    for (const Question& q : retrieval_questions(composer, 128, chinese)) out.push_back(q.prompt);
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Scene scene = asked_scene(composer, i);
    out.push_back(scene.en);
    out.push_back(scene.zh);
  }
  return out;
}

TEST(Shipped, TheQuestionsAreThoseOfTheWholeCatalogue) {
  const Composer composer = open_composer(kShipped, 1, 128);
  EXPECT_EQ(composer.catalogue().concepts.size(), 168u);
  EXPECT_EQ(composer.subjects().size(), 128u);
  EXPECT_EQ(open_composer(kShipped, 1, 0).subjects(), composer.subjects());
  // Written from the whole catalogue, with its first 128 concepts in the order of training.
  std::ifstream in(dq::test::golden_path("mini/questions.txt"));
  std::vector<std::string> wanted;
  for (std::string line; std::getline(in, line);) wanted.push_back(line);
  ASSERT_EQ(wanted.size(), 456u);
  EXPECT_EQ(asked(composer), wanted);
}

TEST(Shipped, TheJudgeKnowsThePicturesOfItsCatalogue) {
  const auto device = ops::make_cpu_device();
  const Composer composer = open_composer(kShipped, 1, 128);
  const Judge judge(weights::open_table(kShipped / "judge.safetensors"), *device);
  ASSERT_EQ(judge.concepts(), 168);
  int right = 0;
  const std::vector<Question> questions = retrieval_questions(composer, 128, false);
  for (const Question& q : questions) {
    const media::Image picture = composer.render(composer.plain_emoji(q.subject, q.colour));
    right += judge.verdict(picture, q.subject, composer.subjects()).first;
  }
  EXPECT_GE(right, 126) << "it was right for 0.995 of worn pictures of 128 concepts";
}

TEST(Shipped, TheDocumentListsWhatIsTaught) {
  std::string text = read_small_file(fs::path(DQ_SOURCE_DIR) / "docs/mini.md", 1 << 20).value_or("");
  std::ranges::replace(text, '\n', ' ');
  std::size_t at = text.find("## What it is taught");
  ASSERT_NE(at, std::string::npos);
  for (const Concept& c : read_catalogue(kShipped).concepts) {
    const std::size_t found = text.find(" " + c.en + " " + c.zh, at);
    ASSERT_NE(found, std::string::npos) << c.en << " is missing, or not in the order of training";
    if (!c.held_out) at = found;
  }
  for (const NamedColour& c : palette())
    EXPECT_NE(text.find(fmt::format("{} {}", c.en, c.zh)), std::string::npos) << c.en;
  for (const ShapeName& s : shape_names())
    EXPECT_NE(text.find(fmt::format("{} {}", s.en, s.zh)), std::string::npos) << s.en;
}

TEST(Shipped, ALicenceStandsBesideTheBitmaps) {
  const std::string text = read_small_file(kShipped / "LICENSES.txt", 1 << 16).value_or("");
  for (const char* part : {"atlas.png", "SIL OPEN FONT LICENSE Version 1.1", "Copyright 2022 Google Inc.",
                           "Unicode, Inc. All rights reserved"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(Reduced, TheSamePicturesInTheSameOrder) {
  constexpr int kKept = 30;
  const test::Sample sample = test::sample_catalogue();
  const Composer whole(sample.catalogue, sample.atlas,
                       {.seed = 1, .subjects = choose_concepts(sample.catalogue, kKept)});
  // The holdout's pairs are drawn from the first 64, which both must have.
  const ReducedCatalogue cut = reduce_catalogue(sample.catalogue, sample.atlas, 64);
  EXPECT_TRUE(cut.catalogue.is_ordered);
  ASSERT_EQ(cut.catalogue.concepts.size(), 66u) << "64, and two held out";
  const dq::test::TempDir dir;
  write_catalogue(dir.path(), cut.catalogue, cut.atlas);
  const Composer reduced = open_composer(dir.path(), 1, kKept);
  for (std::size_t i = 0; i < kKept; ++i) EXPECT_EQ(reduced.subjects()[i], static_cast<int>(i));
  EXPECT_EQ(asked(reduced), asked(whole));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Composition a = whole.compose(i), b = reduced.compose(i);
    EXPECT_EQ(a.image, b.image) << i;
    EXPECT_EQ(a.scene.caption, b.scene.caption) << i;
  }
  EXPECT_THROW(reduce_catalogue(sample.catalogue, sample.atlas, 71), Error);
}

TEST(Reduced, TheJudgeKeepsTheRowsOfItsConcepts) {
  const auto device = ops::make_cpu_device();
  const dq::test::TempDir dir;
  const fs::path part = dir.path() / "part.safetensors";
  reduce_judge(kShipped / "judge.safetensors", {5, 0, 160}, part);
  const Judge whole(weights::open_table(kShipped / "judge.safetensors"), *device);
  const Judge reduced(weights::open_table(part), *device);
  ASSERT_EQ(reduced.concepts(), 3);
  const Tensor picture = dq::test::random_tensor(*device, {1, 128, 128, 3}, 3);
  const Tensor a = whole.logits(picture), b = reduced.logits(picture);
  EXPECT_EQ(b.data<float>()[0], a.data<float>()[5]);
  EXPECT_EQ(b.data<float>()[1], a.data<float>()[0]);
  EXPECT_EQ(b.data<float>()[2], a.data<float>()[160]);
  EXPECT_THROW(reduce_judge(kShipped / "judge.safetensors", {168}, part), Error);
}

TEST(Checks, RefuseOptionsOutOfRangeAndAnotherCataloguesJudge) {
  const auto device = ops::make_cpu_device();
  const Composer composer = open_composer(kShipped, 1, 4);
  const Judge judge(weights::open_table(kShipped / "judge.safetensors"), *device);
  const auto refused = [&](const Judge& by, const CheckOptions& options, const std::string& part) {
    try {
      Checks(*device, composer, by, options);
      ADD_FAILURE() << part << " was not said";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  CheckOptions options;
  options.model = "none.safetensors";
  refused(judge, options, "none.safetensors");
  const dq::test::TempDir dir;
  write_judge_shapes(dir.path() / "j.safetensors", 5, *device);
  const Judge other(weights::open_table(dir.path() / "j.safetensors"), *device);
  refused(other, options, "the judge knows 5 concepts, the catalogue has 168");
  options.scenes = 0;
  refused(judge, options, "--scenes must be from 1");
  options.seeds = 65;
  refused(judge, options, "--seeds must be from 1 to 64");
  options.names = 0;
  refused(judge, options, "--names must be from 1");
}

TEST(KnownList, CoversEveryCaptionAndNamesTheRest) {
  const Composer composer = open_composer(kShipped, 1, 100);
  const pipeline::KnownWords known(known_list(composer, 3000));
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Scene scene = asked_scene(composer, i);
    EXPECT_EQ(known.advice(scene.en), "") << scene.en;
    EXPECT_EQ(known.advice(scene.zh), "") << scene.zh;
  }
  EXPECT_EQ(known.advice("a red apple on a blue background"), "");
  EXPECT_EQ(known.advice("蓝色背景上的红苹果"), "");
  // Number 100 of the order of training, and one held out.
  for (const std::size_t id : {std::size_t{100}, std::size_t{140}}) {
    const Concept& c = composer.catalogue().concepts[id];
    EXPECT_NE(known.advice(c.en + " on a red background").find("was not taught " + c.en), std::string::npos)
        << c.en << ": " << known.advice(c.en);
  }
}

}  // namespace
}  // namespace dq::mini
