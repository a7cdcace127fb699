#include "train/trigger.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "support/temp_dir.h"
#include "text/own_word.h"

namespace dq::train {
namespace {

TEST(Trigger, IsAskedForInOneLine) {
  std::istringstream in("  sks cat \r\nnot this");
  std::ostringstream out;
  EXPECT_EQ(ask_trigger(in, out), "sks cat");
  EXPECT_NE(out.str().find("[none]"), std::string::npos);
  std::istringstream nothing("");
  EXPECT_EQ(ask_trigger(nothing, out), "");
}

TEST(Trigger, OnlyPicturesWithoutCaptionsNeedTheQuestion) {
  namespace fs = std::filesystem;
  const test::TempDir folder;
  const auto touch = [&](const char* name) { std::ofstream(folder.path() / name) << "x"; };
  EXPECT_FALSE(has_captions(folder.path()));
  touch("photo.png");
  EXPECT_FALSE(has_captions(folder.path()));
  fs::create_directories(folder.path() / "holiday_2");
  EXPECT_FALSE(has_captions(folder.path()));
  fs::create_directories(folder.path() / "more" / "10_sks cat");
  EXPECT_TRUE(has_captions(folder.path()));
  fs::remove_all(folder.path() / "more");
  touch("photo.txt");
  EXPECT_TRUE(has_captions(folder.path()));
  EXPECT_FALSE(has_captions(folder.path() / "nowhere"));
}

TEST(Trigger, IsPutInFrontWhereItIsMissing) {
  EXPECT_EQ(with_word("a photo of Sks, red", "sks"), "a photo of Sks, red");
  EXPECT_EQ(with_word("a category", "cat"), "cat, a category");
  EXPECT_EQ(with_word("", "sks"), "sks");
}

TEST(Trigger, TheFoldersWordsAreTheRest) {
  EXPECT_EQ(without_word("sks cat", "sks"), "cat");
  EXPECT_EQ(without_word("sks, cat", "sks"), "cat");
  EXPECT_EQ(without_word("sks", "sks"), "");
  Dataset data;
  data.pictures.resize(2);
  data.pictures[0].caption = "a file's own words";
  data.pictures[0].source = CaptionSource::kTextFile;
  data.pictures[1].caption = "sks fat cat";
  data.pictures[1].source = CaptionSource::kFolderName;
  EXPECT_EQ(class_words(data, "sks"), "fat cat");
  data.pictures.pop_back();
  EXPECT_EQ(class_words(data, "sks"), "");
}

TEST(Trigger, AClassTakesItsPlace) {
  EXPECT_EQ(class_caption("a photo of sks, red", "sks", "cat"), "a photo of cat, red");
  EXPECT_EQ(class_caption("sks cat on grass", "sks", "cat"), "cat on grass");
  EXPECT_EQ(class_caption("Sks, red", "sks", ""), "red");
  EXPECT_EQ(class_caption("sks", "sks", ""), "");
  EXPECT_EQ(class_caption("a dog", "sks", "cat"), "a dog");
}

TEST(Trigger, NeutralCaptionsAreAboutTwentyAndHoldTheWordOnce) {
  for (const Subject subject : {Subject::kThing, Subject::kStyle}) {
    std::set<std::string> all;
    for (std::uint64_t draw = 0; draw < 100; ++draw) {
      const std::string caption = neutral_caption("sks", subject, draw);
      EXPECT_EQ(neutral_caption("sks", subject, draw), caption);
      EXPECT_TRUE(text::holds_word(caption, "sks")) << caption;
      EXPECT_EQ(text::replace_word(caption, "sks", "").find("sks"), std::string::npos);
      EXPECT_EQ(caption.find_first_of("{},"), std::string::npos) << caption;
      EXPECT_EQ(caption.find("style") != std::string::npos || caption.find("looks like") != std::string::npos,
                subject == Subject::kStyle)
          << caption;
      all.insert(caption);
    }
    EXPECT_EQ(all.size(), 20u);
  }
  EXPECT_EQ(neutral_caption("sks", Subject::kThing, 0), "a photo of sks");
  EXPECT_EQ(neutral_caption("sks", Subject::kStyle, 0), "a painting in the style of sks");
}

}  // namespace
}  // namespace dq::train
