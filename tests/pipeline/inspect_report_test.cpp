#include "pipeline/inspect_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::pipeline {
namespace {

using nlohmann::json;

// A safetensors file of zeros: u64 length of the header, the header, the data.
std::string safetensors(const json& header, std::size_t data_bytes) {
  const std::string text = header.dump();
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return out + text + std::string(data_bytes, '\0');
}

std::string embedding_file() {
  return safetensors({{"__metadata__", {{"modelspec.title", "A style"}, {"odd", "a\x1b[31mb"}}},
                      {"emb_params", {{"dtype", "F32"}, {"shape", {2, 768}}, {"data_offsets", {0, 6144}}}}},
                     6144);
}

struct Result {
  int status;
  std::string out, err;
};
Result run(InspectOptions options) {
  std::ostringstream out, err;
  const int status = inspect(options, out, err);
  return {status, out.str(), err.str()};
}

TEST(InspectReport, TellsAFileInWords) {
  const test::TempDir folder;
  const Result result = run({.files = {folder.write("x.bin", embedding_file())}});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  for (const char* line :
       {"Stable Diffusion 1.x · embedding (textual inversion) · 2 vectors", "1536 in 1 tensors", "A style",
        "sha256", "models of Stable Diffusion 1.x", "Danqing can use this file", "2 entries"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << line << "\n" << result.out;
  }
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
}

TEST(InspectReport, MetadataIsShownWithoutControlCharacters) {
  const test::TempDir folder;
  const Result result =
      run({.files = {folder.write("x", embedding_file())}, .hashes = false, .metadata = true});
  EXPECT_NE(result.out.find("odd"), std::string::npos);
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(result.out.find("sha256"), std::string::npos);
}

TEST(InspectReport, JsonIsAnArrayWithAStableObject) {
  const test::TempDir folder;
  const auto path = folder.write("x", embedding_file());
  const Result result = run({.files = {path, path}, .json = true});
  const json all = json::parse(result.out);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["schema_version"], 1);
  EXPECT_EQ(all[0]["ecosystem"], "sd1");
  EXPECT_EQ(all[0]["role"], "embedding");
  EXPECT_EQ(all[0]["parameters"], 1536);
  EXPECT_EQ(all[0]["hashes"]["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(all[0]["hashes"]["auto_v2"], all[0]["hashes"]["sha256"].get<std::string>().substr(0, 10));
  EXPECT_EQ(all[0]["training"]["title"], "A style");
}

TEST(InspectReport, ABrokenFileDoesNotStopTheOthers) {
  const test::TempDir folder;
  const auto broken = folder.write("broken.safetensors", "no weights here");
  const auto whole = folder.write("whole", embedding_file());
  const Result result = run({.files = {broken, whole}, .json = true, .hashes = false});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("broken.safetensors"), std::string::npos);
  EXPECT_EQ(json::parse(result.out).size(), 1u);
  EXPECT_EQ(json::parse(run({.files = {broken}, .json = true}).out).size(), 0u);
}

TEST(InspectReport, AFolderIsOneModelWithoutHashes) {
  const Result result = run({.files = {test::golden_path("models/tiny")}, .json = true});
  const json all = json::parse(result.out);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["format"], "diffusers folder");
  EXPECT_EQ(all[0]["ecosystem"], "sd1");
  EXPECT_EQ(all[0]["role"], "checkpoint");
  EXPECT_EQ(all[0]["parts"].size(), 3u);
  EXPECT_FALSE(all[0].contains("hashes"));
}

}  // namespace
}  // namespace dq::pipeline
