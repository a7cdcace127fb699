#include "mini/captions.h"

#include <gtest/gtest.h>

#include <set>

#include "mini/bpe_trainer.h"
#include "mini/compose.h"
#include "mini/names.h"
#include "sample_catalogue.h"
#include "text/unicode.h"

namespace dq::mini {
namespace {

TEST(Names, Articles) {
  EXPECT_EQ(with_article("cat"), "a cat");
  EXPECT_EQ(with_article("apple"), "an apple");
  EXPECT_EQ(with_article("unicorn"), "a unicorn");
  EXPECT_EQ(with_article("umbrella"), "an umbrella");
  EXPECT_EQ(with_article("hourglass done"), "an hourglass done");
  EXPECT_EQ(with_article("grapes"), "grapes");
  EXPECT_EQ(with_article("octopus"), "an octopus");
  EXPECT_EQ(with_article("cooked rice"), "cooked rice");
  EXPECT_EQ(with_article("smiling face with sunglasses"), "a smiling face with sunglasses");
  EXPECT_EQ(with_article("face holding back tears"), "a face holding back tears");
  EXPECT_EQ(with_article("flag of Italy"), "the flag of Italy");
  EXPECT_EQ(with_article("Pisces"), "Pisces");
}

TEST(Names, Flags) {
  EXPECT_EQ(plain_name_en("flag: Italy"), "flag of Italy");
  EXPECT_EQ(plain_name_en("flag: United States"), "flag of the United States");
  EXPECT_EQ(plain_name_en("dog"), "dog");
  EXPECT_EQ(plain_name_zh("旗: 意大利"), "意大利国旗");
  EXPECT_EQ(plain_name_zh("旗: 欧盟"), "欧盟旗");
  EXPECT_EQ(plain_name_zh("狗"), "狗");
}

TEST(Names, SynonymsPointToOneConcept) {
  using Words = std::vector<std::string>;
  const auto make = [](const char* en, const char* zh, Words keywords_en, Words keywords_zh) {
    Concept c;
    c.en = en;
    c.zh = zh;
    c.keywords_en = std::move(keywords_en);
    c.keywords_zh = std::move(keywords_zh);
    c.core = true;
    return c;
  };
  std::vector<Concept> concepts = {make("red apple", "红苹果", {"apple", "fruit"}, {"苹果", "水果"}),
                                   make("green apple", "青苹果", {"apple", "fruit"}, {"苹果"}),
                                   make("automobile", "汽车", {"car"}, {"轿车"})};
  choose_synonyms(concepts);
  EXPECT_EQ(concepts[0].synonyms_en, std::vector<std::string>{"apple"});
  EXPECT_EQ(concepts[0].synonyms_zh, std::vector<std::string>{"苹果"});
  EXPECT_TRUE(concepts[1].synonyms_en.empty());
  EXPECT_EQ(concepts[2].synonyms_en, std::vector<std::string>{"car"});
  EXPECT_EQ(concepts[2].synonyms_zh, std::vector<std::string>{"轿车"});
}

TEST(Captions, SayWhatThePictureShows) {
  test::Sample sample = test::sample_catalogue();
  const Composer composer(sample.catalogue, sample.atlas, {.seed = 1, .subjects = {}});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const Scene scene = composer.plan(i);
    ASSERT_FALSE(scene.en.empty());
    ASSERT_FALSE(scene.zh.empty());
    for (const std::string* text : {&scene.en, &scene.zh, &scene.caption}) {
      EXPECT_EQ(text->find_first_of("{}\x1f"), std::string::npos) << *text;
      EXPECT_EQ(text->find("  "), std::string::npos) << *text;
    }
    for (const Thing& t : scene.things) {
      if (t.shape < 0) continue;
      const auto colour = static_cast<std::size_t>(t.colour), shape = static_cast<std::size_t>(t.shape);
      EXPECT_NE(scene.en.find(std::string(palette()[colour].en) + " " + std::string(shape_names()[shape].en)),
                std::string::npos)
          << scene.en;
      EXPECT_NE(scene.zh.find(palette()[colour].zh), std::string::npos) << scene.zh;
      EXPECT_NE(scene.zh.find(shape_names()[shape].zh), std::string::npos) << scene.zh;
    }
    if (scene.says_background && scene.kind != SceneKind::kTexture) {
      const auto colour = static_cast<std::size_t>(scene.background.colour);
      EXPECT_TRUE(scene.caption.find(palette()[colour].en) != std::string::npos ||
                  scene.caption.find(palette()[colour].zh) != std::string::npos)
          << scene.caption;
    }
  }
}

TEST(Captions, SentencesOfAScene) {
  test::Sample sample = test::sample_catalogue();
  sample.catalogue.concepts[0].en = "red apple";
  sample.catalogue.concepts[0].zh = "红苹果";
  const Composer composer(sample.catalogue, sample.atlas, {.seed = 1, .subjects = {}});
  const Scene scene = composer.plain_emoji(0, 5);
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Draws draws(9, i);
    bool says = false;
    seen.insert(without_marks(sentence(scene, composer.catalogue(), Language::kEnglish, draws, says)));
    seen.insert(without_marks(sentence(scene, composer.catalogue(), Language::kChinese, draws, says)));
  }
  EXPECT_TRUE(seen.contains("a red apple on a blue background"));
  EXPECT_TRUE(seen.contains("蓝色背景上的红苹果"));
}

// Of scenes with a relation, the forms that only list the two things say nothing of it.
TEST(Captions, SayWhichThingLiesWhere) {
  for (const char* caption :
       {"a red circle to the left of a blue star, white background",
        "a cat below a top hat on a white background", "红色圆形在蓝色五角星的左边，白色背景",
        "上面是红色圆形，下面是蓝色五角星，白色背景"})
    EXPECT_TRUE(says_relation(caption)) << caption;
  for (const char* caption : {"a red circle and a blue star on a white background",
                              "a laptop next to a top hat on a white background",
                              "red circle, blue star, white background", "白色背景上的红色圆形和蓝色五角星"})
    EXPECT_FALSE(says_relation(caption)) << caption;
}

// "low" and "lower" share l+o, lo+w; the pair most met comes first, and ties go to the smaller symbols.
TEST(BpeTrainer, LearnsTheMostFrequentPairsFirst) {
  BpeTrainer trainer;
  trainer.add("low low low lower lower");
  EXPECT_EQ(trainer.word_count(), 2u);
  EXPECT_EQ(trainer.merges(514 + 5), "#version: 0.2\nl o\nlo w</w>\ne r</w>\nw er</w>\nlo wer</w>\n");
  EXPECT_ANY_THROW(trainer.merges(514 + 6));
}

TEST(BpeTrainer, NoMergeReachesAcrossParts) {
  BpeTrainer trainer;
  const std::string mark(1, kPartMark);
  trainer.add("红" + mark + "苹果", 5);
  const text::ClipTokenizer tokenizer(trainer.merges(514 + 7));
  // 红 (3 bytes, within a word) and 苹果 (6 bytes, at its end): 2 + 5 merges, two tokens.
  EXPECT_EQ(tokenizer.encode("红苹果").size(), 2u);
  EXPECT_GE(tokenizer.encode("红").size(), 2u) << "at a word's end it is another symbol";
  EXPECT_ANY_THROW(trainer.merges(514 + 8)) << "nothing is left to join";
}

TEST(BpeTrainer, CaptionsGoThroughTheTokenizerAndBack) {
  test::Sample sample = test::sample_catalogue();
  const Composer marked(sample.catalogue, sample.atlas, {.seed = 2, .subjects = {}, .with_part_marks = true});
  BpeTrainer trainer;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Scene scene = marked.plan(i);
    trainer.add(scene.en);
    trainer.add(scene.zh);
  }
  const std::string merges = trainer.merges(514 + 300);
  EXPECT_EQ(merges, trainer.merges(514 + 300));
  const text::ClipTokenizer tokenizer(merges);
  EXPECT_EQ(tokenizer.vocabulary_size(), 814);
  EXPECT_EQ(tokenizer.merges_text(), merges);
  const Composer plain(sample.catalogue, sample.atlas, {.seed = 3, .subjects = {}});
  const auto without_blanks = [](std::string text) {
    std::erase(text, ' ');
    return text::encode_utf8(text::lower_case(text::decode_utf8(text)));
  };
  for (std::uint64_t i = 0; i < 500; ++i) {
    const Scene scene = plain.plan(i);
    for (const std::string* text : {&scene.en, &scene.zh}) {
      std::string back;
      const std::vector<std::int32_t> ids = tokenizer.encode(*text);
      for (const std::int32_t id : ids) back += tokenizer.decode(id);
      EXPECT_EQ(without_blanks(back), without_blanks(*text));
      EXPECT_LE(ids.size(), 75u) << *text;
    }
  }
}

}  // namespace
}  // namespace dq::mini
