// The checks of `danqing bench mini` on a few of its questions, with the bars of docs/mini.md.
#include "mini/checks.h"

#include <cmath>

#include "ops/devices.h"
#include "proofs/small_model.h"

namespace dq::test {
namespace {

class ChecksProof : public SmallModel {
 protected:
  mini::Checks checks(int names, int scenes = 1) {
    mini::CheckOptions options;
    options.model = file_.string();
    options.names = names;
    options.scenes = scenes;
    options.seeds = 1;
    return {*device_, composer_, judge_, options};
  }
};

TEST_F(ChecksProof, PromptsInBothLanguagesAreUnderstood) {
  mini::Checks few = checks(12);
  const std::vector<mini::CheckRow> english = few.retrieval(false), chinese = few.retrieval(true);
  const double bars[]{0.6, 0.85, 0.5, 0.9};  // first, among five, by latents, the background
  ASSERT_EQ(english.size(), std::size(bars));
  for (std::size_t i = 0; i < std::size(bars); ++i) {
    EXPECT_GE(english[i].value, bars[i]) << english[i].name;
    EXPECT_GE(chinese[i].value, english[i].value - 0.1) << chinese[i].name;
    EXPECT_EQ(chinese[i].pictures, 12);
  }
}

TEST_F(ChecksProof, ThingsLieWhereTheyShouldInTheirColours) {
  const std::vector<mini::CheckRow> rows = checks(1, 10).scenes();
  EXPECT_GE(rows.at(0).value, 0.8) << rows[0].name;
  EXPECT_GE(rows.at(1).value, 0.6) << rows[1].name;
}

TEST_F(ChecksProof, GuidanceHelpsAndANegativePromptTakesAway) {
  const std::vector<mini::CheckRow> rows = checks(6).guidance();
  EXPECT_GE(rows.at(0).value, 0.1) << rows[0].name;
  EXPECT_GT(rows.at(1).value, rows.at(2).value) << rows[1].name;
}

TEST_F(ChecksProof, SeedsDiffer) {
  const mini::CheckRow row = checks(8).diversity().at(0);
  EXPECT_GE(row.value, 0.3) << row.name;
}

TEST_F(ChecksProof, SamplersAgree) {
  for (const mini::CheckRow& row : checks(3).samplers()) {
    if (!row.name.starts_with("cosine")) continue;
    EXPECT_GE(row.value, 0.99) << row.name;
  }
}

TEST_F(ChecksProof, BFloat16PaintsTheSame) {
  const auto bf16 = ops::make_cpu_device({.precision = Precision::kBF16});
  const std::vector<mini::CheckRow> rows = checks(4).precision(*bf16);
  EXPECT_LE(std::abs(rows.at(0).value - rows.at(1).value), 0.01);
  EXPECT_LE(rows.at(2).value, 2);
}

}  // namespace
}  // namespace dq::test
