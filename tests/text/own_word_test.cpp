#include "text/own_word.h"

#include <gtest/gtest.h>

namespace dq::text {
namespace {

TEST(OwnWord, StandsByItselfInAnyCase) {
  EXPECT_TRUE(holds_word("a photo of SKS.", "sks"));
  EXPECT_TRUE(holds_word("sks", "Sks"));
  EXPECT_TRUE(holds_word("re-sks's", "sks"));
  EXPECT_FALSE(holds_word("a category", "cat"));
  EXPECT_FALSE(holds_word("sks2, sks_", "sks"));
  EXPECT_FALSE(holds_word("", "sks"));
  EXPECT_FALSE(holds_word("éskS", "sks")) << "é is a letter";
  EXPECT_TRUE(holds_word("ÉCLAIR", "éclair"));
}

TEST(OwnWord, IsReplacedWhereverItStands) {
  EXPECT_EQ(replace_word("Sks and sks, not sksy", "sks", "X"), "X and X, not sksy");
  EXPECT_EQ(replace_word("nothing", "sks", "X"), "nothing");
  EXPECT_EQ(replace_word("É sks", "sks", ""), "É ");
  EXPECT_EQ(replace_word("sks sks", "sks", "sks sks"), "sks sks sks sks");
}

}  // namespace
}  // namespace dq::text
