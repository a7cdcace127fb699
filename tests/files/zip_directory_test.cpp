// The rules for zip archives, one test each.
#include "files/zip_directory.h"

#include <gtest/gtest.h>

#include "files/builders.h"

namespace dq::files {
namespace {

using test::bytes_of;
using test::error_of;
using test::ZipItem;

std::vector<ZipItem> two() {
  return {{.name = "a/data.pkl", .data = "pickle"}, {.name = "a/data/0", .data = "numbers"}};
}

void expect_bad(const std::string& file, const std::string& message) {
  const Error error = error_of([&] { read_zip_directory(bytes_of(file)); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile) << error.what();
  EXPECT_NE(error.message().find(message), std::string::npos) << error.what();
  EXPECT_TRUE(error.offset().has_value()) << error.what();
}

// An archive of two items, the second of which was changed.
template <class Change>
std::string changed(Change change) {
  auto items = two();
  change(items[1]);
  return test::zip(items);
}

TEST(ZipDirectory, FindsEntries) {
  for (const bool end64 : {true, false}) {
    for (const bool zip64 : {true, false}) {
      auto items = two();
      for (ZipItem& item : items) item.zip64 = zip64;
      const std::string file = test::zip(items, {.end64 = end64});
      const auto entries = read_zip_directory(bytes_of(file));
      ASSERT_EQ(entries.size(), 2u);
      const ZipEntry* entry = find_entry(entries, "a/data/0");
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(file.substr(entry->offset, entry->size), "numbers");
      EXPECT_TRUE(entry->stored);
      EXPECT_EQ(find_entry(entries, "a/data/1"), nullptr);
    }
  }
}

TEST(ZipDirectory, ToleratesSizesAfterTheData) {
  // torch leaves the sizes of the local header zero and sets bit 3.
  const std::string file = changed([](ZipItem& item) {
    item.flags = 8;
    item.local_size_error = -7;
  });
  EXPECT_EQ(read_zip_directory(bytes_of(file)).size(), 2u);
}

TEST(ZipDirectory, EndRecordIsTheEnd) {
  expect_bad("", "too short");
  expect_bad("PK\x03\x04", "too short");
  expect_bad(test::zip(two()) + "x", "end record is missing");
  expect_bad(test::zip(two(), {.comment = "a comment"}), "end record is missing");
  expect_bad(test::zip(two()).substr(0, 200), "end record is missing");
  std::string commented = test::zip(two());
  commented[commented.size() - 2] = 1;
  expect_bad(commented, "has a comment");
}

TEST(ZipDirectory, NumbersAgree) {
  for (const bool end64 : {true, false}) {
    expect_bad(test::zip(two(), {.end64 = end64, .entries_error = 1}), "");
    expect_bad(test::zip(two(), {.end64 = end64, .entries_error = -1}), "more than its entries");
    expect_bad(test::zip(two(), {.end64 = end64, .directory_offset_error = 1}), "does not end where");
    expect_bad(test::zip(two(), {.end64 = end64, .directory_offset_error = -1}), "does not end where");
    expect_bad(test::zip(two(), {.end64 = end64, .directory_size_error = 1}), "does not end where");
    expect_bad(test::zip(two(), {.end64 = end64, .directory_offset_error = -3, .directory_size_error = 3}),
               "wrong signature");
  }
  expect_bad(test::zip(two(), {.entries_error = 1 << 30}), "");
  expect_bad(test::zip(two(), {.directory_offset_error = -(1ll << 62)}), "does not end where");
  expect_bad(test::zip(two(), {.directory_size_error = -1000}), "");
}

TEST(ZipDirectory, NoEncryption) {
  for (const int bit : {0, 6, 13}) {
    expect_bad(changed([&](ZipItem& item) { item.flags = static_cast<std::uint16_t>(1 << bit); }),
               "encrypted");
  }
}

TEST(ZipDirectory, NoLinks) {
  expect_bad(changed([](ZipItem& item) {
               item.made_by = 3 << 8;
               item.attributes = 0120777u << 16;
             }),
             "a link");
}

TEST(ZipDirectory, NoNameTwice) {
  auto items = two();
  items.push_back(items[1]);
  expect_bad(test::zip(items), "an entry twice");
}

TEST(ZipDirectory, NoNamesThatClimb) {
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "a/..", "..", "a\\..\\x", "C:x", "a\nb", ""}) {
    expect_bad(changed([&](ZipItem& item) { item.name = name; }), "");
  }
  expect_bad(changed([](ZipItem& item) { item.name = std::string(600, 'n'); }), "odd name");
}

TEST(ZipDirectory, LocalHeaderAgrees) {
  expect_bad(changed([](ZipItem& item) { item.local_name = "a/data/1"; }), "disagrees");
  expect_bad(changed([](ZipItem& item) { item.local_size_error = 1; }), "disagrees");
  expect_bad(changed([](ZipItem& item) { item.central_size_error = -1; }), "disagrees");
  expect_bad(changed([](ZipItem& item) { item.offset_error = 1; }), "wrong signature");
  expect_bad(changed([](ZipItem& item) { item.offset_error = 1 << 20; }), "behind the directory");
}

TEST(ZipDirectory, NoOverlap) {
  // Both directory entries point at the same bytes: the trick of zip bombs.
  auto items = two();
  items[1].local_name = items[1].name = "a/data/0";
  std::string file = test::zip({items[0], items[1]});
  auto twice = std::vector<ZipItem>{items[0], items[1], items[1]};
  twice[2].offset_error = -static_cast<std::int64_t>(30 + 8 + 7);
  expect_bad(test::zip(twice), "overlap");
}

TEST(ZipDirectory, EntriesStayInTheFile) {
  expect_bad(changed([](ZipItem& item) {
               item.central_size_error = 1000;
               item.local_size_error = 1000;
             }),
             "runs into the directory");
  expect_bad(changed([](ZipItem& item) {
               item.zip64 = true;
               item.central_size_error = item.local_size_error = INT64_MAX - 100;
             }),
             "runs into the directory");
}

TEST(ZipDirectory, PackedEntriesAreMarked) {
  const std::string file = changed([](ZipItem& item) { item.method = 8; });
  EXPECT_FALSE(find_entry(read_zip_directory(bytes_of(file)), "a/data/0")->stored);
}

}  // namespace
}  // namespace dq::files
