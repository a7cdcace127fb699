// The real font and names, where their packages are installed.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/mapped_file.h"
#include "mini/bpe_trainer.h"
#include "mini/captions.h"
#include "mini/catalogue_build.h"
#include "mini/catalogue_reduce.h"
#include "mini/compose.h"
#include "mini/measures.h"
#include "support/temp_dir.h"

namespace dq::mini {
namespace {

std::string read_text(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class Packages : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string cldr = DQ_MINI_CLDR;
    const auto font = MappedFile::open(DQ_MINI_FONT);
    const EmojiFont emoji(font->bytes());
    Annotations en, zh;
    for (const char* folder : {"/annotations/", "/annotationsDerived/"}) {
      en.read(MappedFile::open(cldr + folder + "en.xml")->bytes());
      zh.read(MappedFile::open(cldr + folder + "zh.xml")->bytes());
    }
    const Labels labels = read_labels(read_text(cldr + "/properties/labels.txt"));
    built_ = std::make_unique<BuiltCatalogue>(build_catalogue({emoji, en, zh, labels}));
    bitmaps_ = emoji.bitmap_count();
  }
  static void TearDownTestSuite() { built_.reset(); }

  static std::unique_ptr<BuiltCatalogue> built_;
  static std::size_t bitmaps_;
};
std::unique_ptr<BuiltCatalogue> Packages::built_;
std::size_t Packages::bitmaps_ = 0;

TEST_F(Packages, TheCatalogueKnowsThingsByTheirNames) {
  const Catalogue& catalogue = built_->catalogue;
  EXPECT_GT(bitmaps_, 3000u);
  EXPECT_GT(catalogue.concepts.size(), 1400u);
  const std::map<std::string, std::string> names = {
      {"red apple", "红苹果"}, {"dog", "狗"}, {"automobile", "汽车"}, {"flag of Italy", "意大利国旗"}};
  for (const auto& [en, zh] : names) {
    ASSERT_NE(catalogue.find(en), nullptr) << en;
    EXPECT_EQ(catalogue.find(en)->zh, zh);
  }
  EXPECT_EQ(catalogue.find("dog")->group, "Animals & Nature");
  const auto& cars = catalogue.find("automobile")->synonyms_en;
  EXPECT_NE(std::find(cars.begin(), cars.end(), "car"), cars.end());
  std::map<std::string, int> en, zh, reasons;
  int held_out = 0;
  for (const Concept& c : catalogue.concepts) {
    EXPECT_EQ(++en[c.en], 1) << c.en;
    EXPECT_EQ(++zh[c.zh], 1) << c.zh;
    held_out += c.held_out;
  }
  EXPECT_EQ(held_out, kHeldOut);
  for (const LeftOut& l : catalogue.left_out) ++reasons[l.reason];
  EXPECT_GT(reasons["skin tone"], 1500);
  EXPECT_EQ(reasons["clock face"], 24);
  EXPECT_EQ(reasons["keycap"], 13);
}

// What lies in share/mini was cut from this catalogue.
TEST_F(Packages, WhatIsShippedIsAPartOfTheCatalogue) {
  const std::filesystem::path shipped = std::filesystem::path(DQ_SOURCE_DIR) / "share/mini";
  const ReducedCatalogue cut = reduce_catalogue(built_->catalogue, built_->atlas, 128);
  const dq::test::TempDir dir;
  write_catalogue(dir.path(), cut.catalogue, cut.atlas);
  EXPECT_EQ(read_text(dir.path() / "catalogue.json"), read_text(shipped / "catalogue.json"));
  EXPECT_TRUE(read_atlas(shipped) == cut.atlas);
}

TEST_F(Packages, LabelsHoldInThePixels) {
  const Composer composer(built_->catalogue, built_->atlas, {.seed = 5, .subjects = {}});
  int plain = 0, background_right = 0, placed = 0, cell_right = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const Composition c = composer.compose(i);
    if (c.scene.kind == SceneKind::kTexture || c.scene.background.second >= 0) continue;
    ++plain;
    background_right += background_colour(c.image) == c.scene.background.colour;
    if (c.scene.things.size() != 1) continue;
    ++placed;
    const Position p = centroid(foreground(c.image, border_mean(c.image)));
    cell_right += cell_of(p, kCanvas, kCanvas) == c.scene.things[0].cell;
  }
  RecordProperty("background", std::to_string(background_right) + "/" + std::to_string(plain));
  RecordProperty("cell", std::to_string(cell_right) + "/" + std::to_string(placed));
  EXPECT_GE(background_right, plain * 99 / 100) << plain;
  EXPECT_GE(cell_right, placed * 99 / 100) << placed;
}

TEST_F(Packages, CaptionsFitTheTextEncoder) {
  const Catalogue& catalogue = built_->catalogue;
  const Composer marked(catalogue, built_->atlas, {.seed = 6, .subjects = {}, .with_part_marks = true});
  BpeTrainer trainer;
  for (const Concept& c : catalogue.concepts) {
    trainer.add(c.en, 30);
    trainer.add(c.zh, 30);
    for (const std::string& word : c.keywords_en) trainer.add(word, 3);
    for (const std::string& word : c.keywords_zh) trainer.add(word, 3);
  }
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const Scene scene = marked.plan(i);
    trainer.add(scene.en);
    trainer.add(scene.zh);
  }
  const text::ClipTokenizer tokenizer(trainer.merges());
  EXPECT_EQ(tokenizer.vocabulary_size(), kVocabulary);
  EXPECT_EQ(tokenizer.end_token(), kVocabulary - 1);
  const Composer plain(catalogue, built_->atlas, {.seed = 7, .subjects = {}});
  std::size_t en = 0, zh = 0;
  constexpr std::size_t kCaptions = 2000;
  for (std::uint64_t i = 0; i < kCaptions; ++i) {
    const Scene scene = plain.plan(i);
    for (const std::string* text : {&scene.en, &scene.zh, &scene.caption}) {
      EXPECT_LE(tokenizer.encode(*text).size() + 2, 77u) << *text;
    }
    en += tokenizer.encode(scene.en).size();
    zh += tokenizer.encode(scene.zh).size();
  }
  EXPECT_LT(en, 12 * kCaptions);
  EXPECT_LT(zh, 12 * kCaptions);
}

TEST(Annotations, RefusesWhatIsNoXml) {
  Annotations out;
  const std::string broken = "<ldml><annotations><annotation cp=\"a\">", other = "<ldml/>";
  EXPECT_THROW(out.read(std::as_bytes(std::span(broken))), Error);
  EXPECT_THROW(out.read(std::as_bytes(std::span(other))), Error);
  const std::string good =
      "<ldml><annotations><annotation cp=\"x\"> dog | pet </annotation>"
      "<annotation cp=\"x\" type=\"tts\">dog</annotation></annotations></ldml>";
  out.read(std::as_bytes(std::span(good)));
  ASSERT_NE(out.find("x"), nullptr);
  EXPECT_EQ(out.find("x")->name, "dog");
  EXPECT_EQ(out.find("x")->keywords, (std::vector<std::string>{"dog", "pet"}));
}

}  // namespace
}  // namespace dq::mini
