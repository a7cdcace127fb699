#include "mini/labels.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dq::mini {
namespace {

TEST(Labels, ReadsSetsRangesAndStrings) {
  const Labels labels = read_labels(
      "# a comment\n[ab-d{xy}\\-]  ;\tAnimals & Nature\t;\tanimal-bug\n[☺️] ; Smileys & People ; face\n");
  for (const char* key : {"a", "b", "c", "d", "xy", "-"}) {
    ASSERT_TRUE(labels.contains(key)) << key;
    EXPECT_EQ(labels.at(key).group, "Animals & Nature");
    EXPECT_EQ(labels.at(key).subgroup, "animal-bug");
  }
  EXPECT_EQ(labels.at("☺").subgroup, "face") << "without the variation selector";
  EXPECT_EQ(labels.size(), 7u);
}

TEST(Labels, RefusesImpossibleRanges) {
  EXPECT_THROW(read_labels("[z-a] ; x ; y\n"), Error);
  EXPECT_THROW(read_labels("[a-\xF4\x8F\xBF\xBF] ; x ; y\n"), Error);
}

}  // namespace
}  // namespace dq::mini
