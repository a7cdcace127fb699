#include "pipeline/known_words.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dq::test {
namespace {

using pipeline::KnownWords;

constexpr const char* kList = R"({"format": 1,
  "things": [{"en": ["red apple", "apple"], "zh": ["红苹果", "苹果"], "kind": "fruit"},
             {"en": ["dog"], "zh": ["狗"], "kind": "mammal"},
             {"en": ["cat"], "zh": ["猫"], "kind": "mammal"},
             {"en": ["rocket"], "zh": ["火箭"], "kind": "air"}],
  "colours": [{"en": ["blue"], "zh": ["蓝色"]}, {"en": ["red"], "zh": ["红色"]}],
  "shapes": [{"en": ["star", "stars"], "zh": ["五角星"]}],
  "not_taught": [{"en": ["zebra"], "zh": ["斑马"], "kind": "mammal"}, {"en": ["hot dog"], "zh": ["热狗"], "kind": "food"},
                 {"en": ["horse"], "zh": ["马"], "kind": "mammal"}],
  "words": ["a", "on", "background", "two", "and", "背", "景", "上", "的", "和"]})";

TEST(KnownWords, SayNothingOfWhatIsKnown) {
  const KnownWords known(kList);
  for (const char* prompt : {"", "  ,. ", "a red apple on a blue background", "Two DOGS and (stars:1.2)",
                             "blue", "蓝色背景上的红苹果", "狗和猫", "APPLES on red", "<!-- -->"})
    EXPECT_EQ(known.advice(prompt), "") << prompt;
}

TEST(KnownWords, NameWhatWasNotTaughtAndWhatIsNear) {
  const KnownWords known(kList);
  EXPECT_EQ(known.advice("a zebra on a blue background"),
            "this small model was not taught zebra. Near to that it knows dog and cat");
  EXPECT_EQ(known.advice("蓝色背景上的斑马"),
            "this small model was not taught 斑马. Near to that it knows 狗 and 猫");
  // The longest name counts: a hot dog is no dog.
  EXPECT_EQ(known.advice("two hot dogs").find("this small model was not taught hot dog"), 0u);
  EXPECT_EQ(known.advice("热狗").find("this small model was not taught 热狗"), 0u);
}

TEST(KnownWords, TellWhenNothingIsAskedForThatIsKnown) {
  const KnownWords known(kList);
  EXPECT_EQ(
      known.advice("castle"),
      "this small model knows none of what the prompt asks for. It knows red apple, dog, cat and rocket, 2 "
      "colours, 1 plain shapes");
  EXPECT_EQ(known.advice("城堡"),
            "this small model knows none of what the prompt asks for. It knows 红苹果, 狗, 猫 and 火箭, 2 "
            "colours, 1 "
            "plain shapes");
  EXPECT_EQ(known.advice("rokcet").find("this small model knows none of what the prompt asks for. Near"), 0u);
  EXPECT_NE(known.advice("rokcet").find("rocket"), std::string::npos);
}

TEST(KnownWords, NameOtherWordsThanThoseKnown) {
  const KnownWords known(kList);
  EXPECT_EQ(known.advice("a zeppelin and a dog").find("this small model does not know zeppelin. It knows"),
            0u);
  EXPECT_EQ(known.advice("飞艇和狗").find("this small model does not know 飞艇. It knows"), 0u);
  // One character may be part of another word, so it is not said to be the horse.
  EXPECT_EQ(known.advice("狗和马车").find("this small model does not know 马车. It knows"), 0u);
  EXPECT_EQ(known.unknown_words("a zeppelin, 飞艇"), (std::vector<std::string>{"zeppelin", "飞", "艇"}));
  const KnownWords wordless(
      R"({"format": 1, "things": [{"en": ["dog"], "zh": ["狗"]}], "colours": [], "shapes": []})");
  EXPECT_EQ(wordless.advice("a zeppelin and a dog"), "");
  EXPECT_NE(wordless.advice("a zeppelin"), "");
}

TEST(KnownWords, RefuseWhatIsNoList) {
  for (const char* text :
       {"", "{", "[]", "3", "{}", R"({"format": 2})", R"({"format": 1, "things": 3})",
        R"({"format": 1, "things": [3]})", R"({"format": 1, "things": [{"en": "dog"}]})",
        R"({"format": 1, "words": [1]})", R"({"format": 1, "things": [{"en": ["dog"], "kind": []}]})"})
    EXPECT_THROW(KnownWords{text}, Error) << text;
  EXPECT_THROW(KnownWords{std::string(1 << 21, ' ')}, Error);
  EXPECT_THROW(KnownWords{std::string(500'000, '[')}, Error);
  const KnownWords turned(R"({"format": 1, "not_taught": [{"en": ["斑马"]}, {"zh": ["zebra"]}]})");
  EXPECT_EQ(turned.advice("斑马").find("this small model was not taught 斑马"), 0u);
  EXPECT_EQ(turned.advice("zebra").find("this small model was not taught zebra"), 0u);
  // Names that are none, and names that are not UTF-8, harm nothing.
  const KnownWords odd("{\"format\": 1, \"things\": [{\"en\": [], \"zh\": []}, {\"en\": [\"\", \"?!\"]}]}");
  EXPECT_EQ(odd.advice("\xff\xfe \xe7").find("this small model"), std::string::npos);
}

TEST(KnownWords, TheFilesTextsAreAskedAndABrokenListIsTold) {
  std::vector<std::string> said;
  const Log log = [&](LogLevel level, const std::string& text) {
    EXPECT_EQ(level, LogLevel::kWarning);
    said.push_back(text);
  };
  pipeline::advise_on_words({}, "castle", log);
  pipeline::advise_on_words({{"danqing.knows", kList}}, "", log);
  pipeline::advise_on_words({{"danqing.knows", kList}}, "a dog", log);
  EXPECT_TRUE(said.empty());
  pipeline::advise_on_words({{"danqing.knows", kList}}, "castle", log);
  pipeline::advise_on_words({{"danqing.knows", "broken"}}, "castle", log);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].find("this small model knows none"), 0u);
  EXPECT_EQ(said[1].find("what the model's file says of its words is passed over: "), 0u);
}

}  // namespace
}  // namespace dq::test
