// danqing bench mini, with the questions and the judge that come with the program.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/cli.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kShare = fs::path(DQ_SOURCE_DIR) / "share";

TEST(BenchMini, AsksEverythingAndTellsItAsJson) {
  const TempDir dir;
  const Outcome run =
      danqing_with(kShare, dir.path(),
                   {"bench", "mini", "-m", checkpoint().string(), "--subjects", "3", "--names", "1",
                    "--seeds", "1", "--scenes", "1", "--steps", "1", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json told = json::parse(run.out, nullptr, false);
  ASSERT_TRUE(told.is_object()) << run.out;
  EXPECT_EQ(told.at("stored_as"), "F16");
  EXPECT_EQ(told.at("concepts"), 3);
  std::string names;
  for (const json& row : told.at("results")) {
    names += row.at("check").get<std::string>() + "\n";
    EXPECT_TRUE(std::isfinite(row.at("value").get<double>())) << row;
    EXPECT_GE(row.at("pictures").get<int>(), 1) << row;
  }
  for (const char* part :
       {"retrieval by the judge, English, first\n", "retrieval by the judge, Chinese, first five",
        "retrieval by latent distance, Chinese", "background colour, English", "position",
        "colours of two shapes", "number of shapes", "guidance", "negative prompt", "through the autoencoder",
        "PSNR", "diversity", "uni_pc", "bf16"})
    EXPECT_NE(names.find(part), std::string::npos) << part << " in\n" << names;
}

TEST(BenchMini, OnlyTheChecksThatAreNamed) {
  const TempDir dir;
  const Outcome run = danqing_with(kShare, dir.path(),
                                   {"bench", "mini", "-m", checkpoint().string(), "--subjects", "3",
                                    "--names", "1", "--seeds", "1", "--steps", "1", "--only", "english"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find(
                "| check | value | pictures |\n|---|---|---|\n| retrieval by the judge, English, first | "),
            std::string::npos)
      << run.out;
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 8) << run.out;
  const Outcome other = danqing_with(kShare, dir.path(), {"bench", "mini", "--only", "english,colours"});
  EXPECT_NE(other.status, 0);
  EXPECT_NE(other.err.find("colours not in {english,chinese,scenes,"), std::string::npos) << other.err;
}

TEST(BenchMini, WhatIsMissingIsNamed) {
  const TempDir dir;
  const std::string data = (kShare / "mini").string();
  const Words bench{"bench", "mini", "-m", checkpoint().string()};
  expect_refusal(dir, bench, "the program's folder share/mini is not there");
  expect_refusal(dir, bench + Words{"--data", "none"}, "there is no such folder (file none)");
  expect_refusal(dir, {"bench", "mini", "--data", data}, "the built-in model is not there");
  expect_refusal(dir, bench + Words{"--data", data, "--judge", "none"}, "there is no judge (file none)");
  expect_refusal(dir, bench + Words{"--data", data, "--judge", checkpoint().string()}, "the judge");
  expect_refusal(dir, bench + Words{"--data", data, "--names", "0"}, "--names must be from 1");
  fs::create_directories(dir.path() / "empty");
  expect_refusal(dir, bench + Words{"--data", "empty"}, "catalogue.json");
}

}  // namespace
}  // namespace dq::test
