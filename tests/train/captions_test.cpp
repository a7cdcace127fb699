#include "train/captions.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace dq::train {
namespace {

TEST(Captions, PlainTextIsItsFirstLine) {
  EXPECT_EQ(caption_for("a cat\na dog\n", {}, {}), "a cat");
  EXPECT_EQ(caption_for("\r\n  a cat , sitting \r\n", {}, {}), "a cat , sitting");
  EXPECT_EQ(caption_for("", {}, {}), "");
}

TEST(Captions, PrefixAndSuffixStandAround) {
  EXPECT_EQ(caption_for("a cat", {.prefix = "photo of", .suffix = "4k"}, {}), "photo of a cat 4k");
}

TEST(Captions, ShufflingKeepsTheFirstTags) {
  const CaptionRule rule{.shuffle = true, .keep = 1};
  std::set<std::string> seen;
  for (int step = 0; step < 60; ++step) {
    const std::string caption = caption_for("sks, red, blue, green", rule, {7, step, 1});
    EXPECT_EQ(caption.rfind("sks, ", 0), 0u) << caption;
    const std::vector<std::string> tags = split_tags(caption);
    EXPECT_EQ(std::multiset<std::string>(tags.begin(), tags.end()),
              (std::multiset<std::string>{"sks", "red", "blue", "green"}));
    seen.insert(caption);
  }
  EXPECT_EQ(seen.size(), 6u);  // every order of three
  EXPECT_EQ(caption_for("sks, red, blue, green", rule, {7, 3, 1}),
            caption_for("sks, red, blue, green", rule, {7, 3, 9}));
}

TEST(Captions, TheKeepSeparatorHoldsBothEnds) {
  const CaptionRule rule{.shuffle = true, .keep = 3, .keep_separator = "|||"};
  for (int step = 0; step < 20; ++step) {
    const std::string caption = caption_for("a, b ||| c, d, e ||| z", rule, {1, step, 0});
    EXPECT_EQ(caption.rfind("a, b, ", 0), 0u) << caption;
    EXPECT_EQ(caption.substr(caption.size() - 3), ", z") << caption;
  }
}

TEST(Captions, TagsJoinedByTheSecondSeparatorMoveTogether) {
  const CaptionRule rule{.shuffle = true, .secondary_separator = ";;;"};
  for (int step = 0; step < 20; ++step) {
    const std::string caption = caption_for("a, b;;;c, d", rule, {1, step, 0});
    EXPECT_NE(caption.find("b,c"), std::string::npos) << caption;
  }
}

TEST(Captions, WildcardsChooseEachPart) {
  const CaptionRule rule{.wildcards = true};
  std::map<std::string, int> seen;
  for (int step = 0; step < 300; ++step)
    ++seen[caption_for("a {red|{dark|light} blue} {{cat}}", rule, {3, step, 0})];
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_NEAR(seen["a red {cat}"], 150, 50);
  EXPECT_NEAR(seen["a dark blue {cat}"], 75, 40);
  EXPECT_EQ(caption_for("a } b {", rule, {}), "a } b {");
}

TEST(Captions, DropoutLeavesItsShareEmpty) {
  int empty = 0, tags = 0;
  for (int step = 0; step < 2000; ++step) {
    empty += caption_for("a, b, c", {.dropout = 0.25}, {5, step, 0}).empty();
    tags += static_cast<int>(
        split_tags(caption_for("k, a, b", {.keep = 1, .tag_dropout = 0.5}, {5, step, 0})).size());
  }
  EXPECT_NEAR(empty, 500, 78);   // four standard deviations of a binomial
  EXPECT_NEAR(tags, 4000, 127);  // one is always kept, two are kept half the time
  EXPECT_EQ(caption_for("a", {.dropout_every = 2}, {5, 0, 4}), "");
  EXPECT_EQ(caption_for("a", {.dropout_every = 2}, {5, 0, 3}), "a");
}

TEST(Captions, WarmUpAddsTagsAsTheRunGoesOn) {
  const CaptionRule rule{.warmup_steps = 100, .warmup_from = 1};
  EXPECT_EQ(split_tags(caption_for("a, b, c, d, e", rule, {1, 0, 0})).size(), 1u);
  EXPECT_EQ(split_tags(caption_for("a, b, c, d, e", rule, {1, 50, 0})).size(), 3u);
  EXPECT_EQ(split_tags(caption_for("a, b, c, d, e", rule, {1, 100, 0})).size(), 5u);
}

}  // namespace
}  // namespace dq::train
