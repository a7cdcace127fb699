#include "train/trigger.h"

#include <gtest/gtest.h>

#include <set>

#include "text/own_word.h"

namespace dq::train {
namespace {

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
