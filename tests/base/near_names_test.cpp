#include "base/near_names.h"

#include <gtest/gtest.h>

namespace dq {
namespace {

using Names = std::vector<std::string>;

const Names kSamplers = {"euler", "euler_ancestral", "heun", "dpm_2", "dpmpp_2m", "dpmpp_2m_sde", "lms",
                         "ddim",  "uni_pc"};

TEST(NearNames, SlipsOfThePen) {
  EXPECT_EQ(near_names("eular", kSamplers).front(), "euler");
  EXPECT_EQ(near_names("huen", kSamplers), Names{"heun"});
  EXPECT_EQ(near_names("ddmi", kSamplers).front(), "ddim");
  EXPECT_EQ(near_names("dpmp_2m", kSamplers).front(), "dpmpp_2m");
}

TEST(NearNames, CaseAndSeparatorsDoNotCount) {
  EXPECT_EQ(near_names("DPMPP-2M SDE", kSamplers).front(), "dpmpp_2m_sde");
  EXPECT_EQ(near_names("UniPC", kSamplers).front(), "uni_pc");
}

TEST(NearNames, BeginningsComeAfterNearerNames) {
  EXPECT_EQ(near_names("eule", kSamplers), (Names{"euler", "euler_ancestral"}));
  EXPECT_EQ(near_names("euler", kSamplers, 1), Names{"euler"});
}

TEST(NearNames, NothingNearIsNothing) {
  EXPECT_TRUE(near_names("xyzzyplugh", kSamplers).empty());
  EXPECT_TRUE(near_names("", kSamplers).empty());
  EXPECT_TRUE(near_names("a", {}).empty());
  EXPECT_TRUE(near_names("  ", kSamplers).empty());
}

TEST(NearNames, LongWordsAreCut) {
  const Names names = {std::string(200, 'a')};
  EXPECT_EQ(near_names(std::string(100, 'a'), names), names);
}

TEST(NearNames, Sentence) {
  EXPECT_EQ(did_you_mean(Names{}), "");
  EXPECT_EQ(did_you_mean(Names{"a"}), "Did you mean a?");
  EXPECT_EQ(did_you_mean(Names{"a", "b", "c"}), "Did you mean a, b or c?");
}

}  // namespace
}  // namespace dq
