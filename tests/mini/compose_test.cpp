#include "mini/compose.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "base/sha256.h"
#include "mini/captions.h"
#include "mini/measures.h"
#include "sample_catalogue.h"
#include "support/temp_dir.h"

namespace dq::mini {
namespace {

Composer sample_composer(std::uint64_t seed = 1, const Mixture& mixture = {}) {
  test::Sample sample = test::sample_catalogue();
  return Composer(std::move(sample.catalogue), sample.atlas,
                  {.seed = seed, .mixture = mixture, .subjects = {}});
}

TEST(Compose, KindsComeInTheirShares) {
  const Composer composer = sample_composer();
  std::array<int, 5> kinds{};
  int empty = 0, chinese = 0;
  constexpr int kPictures = 20'000;
  for (int i = 0; i < kPictures; ++i) {
    const Scene scene = composer.plan(static_cast<std::uint64_t>(i));
    ++kinds[static_cast<std::size_t>(scene.kind)];
    empty += scene.caption.empty();
    chinese +=
        scene.caption.find("背景") != std::string::npos || scene.caption.find("色") != std::string::npos;
  }
  // Four standard deviations of a share of 20,000.
  const std::array<double, 5> shares = {0.45, 0.15, 0.15, 0.22, 0.03};
  for (std::size_t k = 0; k < shares.size(); ++k) EXPECT_NEAR(kinds[k], shares[k] * kPictures, 285) << k;
  EXPECT_NEAR(empty, 0.10 * kPictures, 170);
  EXPECT_NEAR(chinese, 0.27 * kPictures, 800) << "30 % of what is written, few of which name no colour";
}

TEST(Compose, AMixtureOfRelationsShowsMorePairs) {
  const auto pairs = [](const Composer& composer) {
    int shapes = 0, all = 0;
    for (std::uint64_t i = 0; i < 5000; ++i) {
      const Scene scene = composer.plan(i);
      all += scene.relation != Relation::kNone;
      shapes += scene.relation != Relation::kNone && scene.kind == SceneKind::kShapes;
    }
    return std::pair(shapes / 5000.0, all / 5000.0);
  };
  // Four standard deviations.
  const auto [broad_shapes, broad_all] = pairs(sample_composer());
  EXPECT_NEAR(broad_shapes, 0.22 * 0.25, 0.013);
  EXPECT_NEAR(broad_all, 0.15 + 0.22 * 0.25, 0.023);
  const auto [shapes, all] = pairs(sample_composer(1, kRelations));
  EXPECT_NEAR(shapes, 0.40 * 0.50, 0.023);
  EXPECT_NEAR(all, 0.15 + 0.40 * 0.50, 0.027);
}

TEST(Compose, TheSameIndexGivesTheSamePictureOnEveryMachine) {
  const Composer composer = sample_composer(7);
  std::string all;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Composition c = composer.compose(i);
    all.append(reinterpret_cast<const char*>(c.image.pixels.data()), c.image.pixels.size());
    all += c.scene.caption + c.scene.en + c.scene.zh;
    EXPECT_EQ(composer.compose(i).image, c.image);
  }
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(all))),
            "dce5207b36072dda838586b2b2de800543596cfd782ca141d4be792bcb279d2e");
}

TEST(Compose, LabelsHoldInThePixels) {
  const Composer composer = sample_composer();
  int plain = 0, background_right = 0, placed = 0, cell_right = 0, counted = 0, count_right = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const Composition c = composer.compose(i);
    if (c.scene.kind == SceneKind::kTexture || c.scene.background.second >= 0) continue;
    ++plain;
    background_right += background_colour(c.image) == c.scene.background.colour;
    const Mask mask = foreground(c.image, border_mean(c.image));
    if (c.scene.things.size() == 1) {
      ++placed;
      cell_right += cell_of(centroid(mask), kCanvas, kCanvas) == c.scene.things[0].cell;
    }
    if (c.scene.kind != SceneKind::kShapes) continue;
    ++counted;
    count_right += components(c.image, mask).size() == c.scene.things.size();
  }
  EXPECT_GE(background_right, plain * 99 / 100) << plain;
  EXPECT_GE(cell_right, placed * 99 / 100) << placed;
  EXPECT_EQ(count_right, counted);
  EXPECT_GT(counted, 500);
}

TEST(Compose, ShapesHaveTheirColoursAndRelations) {
  const Composer composer = sample_composer(3);
  int pairs = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Composition c = composer.compose(i);
    if (c.scene.kind != SceneKind::kShapes || c.scene.things.size() != 2) continue;
    std::vector<Component> found = components(c.image, foreground(c.image, border_mean(c.image)));
    ASSERT_EQ(found.size(), 2u) << i << " " << c.scene.en;
    const Thing& first = c.scene.things[0];
    const auto away = [&](const Component& k) {
      return std::abs(k.centroid.x - first.x / 256.0) + std::abs(k.centroid.y - first.y / 256.0);
    };
    if (away(found[0]) > away(found[1])) std::swap(found[0], found[1]);
    EXPECT_EQ(nearest_colour(found[0].colour), first.colour) << i;
    EXPECT_EQ(nearest_colour(found[1].colour), c.scene.things[1].colour) << i;
    if (c.scene.relation == Relation::kLeftOf) {
      EXPECT_LT(found[0].x1, found[1].x0) << i;
    }
    if (c.scene.relation == Relation::kAbove) {
      EXPECT_LT(found[0].y1, found[1].y0) << i;
    }
    ++pairs;
  }
  EXPECT_GT(pairs, 80);
}

TEST(Compose, WhatIsHeldOutIsNeverShown) {
  const Composer composer = sample_composer();
  const Holdout& holdout = composer.holdout();
  EXPECT_EQ(holdout.triples().size(), 86u);
  EXPECT_EQ(holdout.emojis().size(), 20u);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const Scene scene = composer.plan(i);
    for (const Thing& t : scene.things) {
      if (t.shape >= 0) {
        EXPECT_FALSE(holdout.has_triple(t.colour, t.shape, t.cell));
        EXPECT_NE(t.colour, scene.background.colour);
      } else {
        EXPECT_FALSE(holdout.has_pair(scene.background.colour, t.emoji));
        EXPECT_LT(t.emoji, 70) << "held-out concepts";
      }
    }
  }
}

TEST(Compose, ThingsStayInsideThePicture) {
  const Composer composer = sample_composer();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Composition c = composer.compose(i);
    if (c.scene.kind == SceneKind::kTexture) continue;
    media::Image empty = c.image;
    Scene background = c.scene;
    background.things.clear();
    const media::Image bare = composer.render(background);
    for (int k = 0; k < kCanvas; ++k) {
      EXPECT_EQ(std::vector(c.image.row(0), c.image.row(1)), std::vector(bare.row(0), bare.row(1)));
      if (::testing::Test::HasFailure()) return;
      EXPECT_EQ(c.image.row(k)[0], bare.row(k)[0]);
      EXPECT_EQ(c.image.row(k)[3 * (kCanvas - 1)], bare.row(k)[3 * (kCanvas - 1)]);
    }
  }
}

TEST(Compose, SpritesKeepTheirColoursAtTheEdges) {
  // A red body before green: a dark or white fringe would leave the line between the two colours.
  const Composer composer = sample_composer();
  const Scene scene = composer.plain_emoji(0, 3, 60);
  const media::Image image = composer.render(scene);
  const media::Rgb a = palette()[0].rgb, b = palette()[3].rgb;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const double t = (image.pixels[i] - b[0]) / static_cast<double>(a[0] - b[0]);
    EXPECT_NEAR(image.pixels[i + 1], b[1] + t * (a[1] - b[1]), 2.5);
    EXPECT_NEAR(image.pixels[i + 2], b[2] + t * (a[2] - b[2]), 2.5);
  }
}

TEST(Catalogue, GoesThroughItsFiles) {
  const test::Sample sample = test::sample_catalogue();
  const dq::test::TempDir folder;
  write_catalogue(folder.path(), sample.catalogue, sample.atlas);
  const Catalogue read = read_catalogue(folder.path());
  ASSERT_EQ(read.concepts.size(), sample.catalogue.concepts.size());
  EXPECT_EQ(read.concepts[9].zh, sample.catalogue.concepts[9].zh);
  EXPECT_EQ(read.concepts[71].held_out, true);
  EXPECT_EQ(read_atlas(folder.path()), sample.atlas);
  folder.write("catalogue.json", "{\"format\": 1}");
  EXPECT_THROW(read_catalogue(folder.path()), Error);
}

TEST(Catalogue, SmallerChoicesBeginLargerOnes) {
  const Catalogue catalogue = test::sample_catalogue().catalogue;
  const std::vector<int> few = choose_concepts(catalogue, 16), many = choose_concepts(catalogue, 1000);
  ASSERT_EQ(few.size(), 16u);
  EXPECT_EQ(many.size(), 70u) << "all but those held out";
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
}

}  // namespace
}  // namespace dq::mini
