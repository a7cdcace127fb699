// What hostile headers cost: resident memory stays below the file's size and 64 MiB.
#include <gtest/gtest.h>

#include <fstream>

#include "base/process_memory.h"
#include "files/builders.h"
#include "files/weight_source.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasurable = false;  // the sanitizers' shadow memory counts as ours
#else
constexpr bool kMeasurable = true;
#endif

constexpr std::size_t kHeader = 99'999'000;

// Writes the file piece by piece, so that the test itself stays small, opens it and returns what that cost at
// its peak.
std::int64_t peak_of_opening(const std::string& begin, const std::string& repeat, const std::string& end,
                             ErrorCode expected) {
  test::TempDir dir;
  const auto path = dir.path() / "big.safetensors";
  {
    std::ofstream out(path, std::ios::binary);
    const std::size_t times = (kHeader - begin.size() - end.size()) / repeat.size();
    out << test::little<std::uint64_t>(begin.size() + times * repeat.size() + end.size()) << begin;
    for (std::size_t i = 0; i < times; ++i) out << repeat;
    out << end;
  }
  const std::int64_t before = resident_bytes();
  reset_peak_resident();
  const Error error = test::error_of([&] { open_weights(path); });
  const std::int64_t cost = peak_resident_bytes() - before;
  EXPECT_EQ(error.code(), expected) << error.what();
  return cost;
}

void expect_small(std::int64_t cost) {
  if (kMeasurable) {
    EXPECT_LE(cost, static_cast<std::int64_t>(kHeader) + (64 << 20));
  }
}

TEST(HeaderMemory, OneLongName) {
  expect_small(peak_of_opening("{\"", "n", "\":1}", ErrorCode::kBadFile));
}
TEST(HeaderMemory, OneLongMetadataText) {
  expect_small(peak_of_opening("{\"__metadata__\":{\"k\":\"", "m", "\"}}", ErrorCode::kBadFile));
}
TEST(HeaderMemory, Blanks) {
  expect_small(peak_of_opening("{}", " ", "", ErrorCode::kInternal));
}
TEST(HeaderMemory, Brackets) {
  expect_small(peak_of_opening("{\"a\":", "[", "", ErrorCode::kBadFile));
}
TEST(HeaderMemory, ManyMetadataEntries) {
  const std::string long_text(9'000, 'v');
  expect_small(peak_of_opening("{\"__metadata__\":{\"a\":\"\"", ",\"b\":\"" + long_text + "\"", "}}",
                               ErrorCode::kBadFile));
}

// 65,536 tensors with long names in a full-sized header: all of it is kept, so it is the dearest legal file.
TEST(HeaderMemory, AsManyTensorsAsAllowed) {
  test::TempDir dir;
  const auto path = dir.path() / "many.safetensors";
  std::string entry_tail = R"(":{"dtype":"U8","shape":[0,1,1,1,1,1,1,1],"data_offsets":[0,0]})";
  const std::string filler(1000, 'n');
  std::uint64_t size = 1;
  {
    std::ofstream out(path, std::ios::binary);
    out << test::little<std::uint64_t>(0) << "{";
    for (int i = 0; i < 65'536; ++i) {
      const std::string entry = (i ? ",\"" : "\"") + std::to_string(i) + filler + entry_tail;
      size += entry.size();
      out << entry;
    }
    out << "}";
    out.seekp(0);
    out << test::little<std::uint64_t>(size + 1);
  }
  ASSERT_LT(size, 100'000'000u);
  const std::int64_t before = resident_bytes();
  reset_peak_resident();
  const auto source = open_weights(path);
  const std::int64_t cost = peak_resident_bytes() - before;
  EXPECT_EQ(source->tensors().size(), 65'536u);
  if (kMeasurable) {
    EXPECT_LE(cost, static_cast<std::int64_t>(size) + (64 << 20));
  }
}

}  // namespace
}  // namespace dq::files
