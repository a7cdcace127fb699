#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "base/process_memory.h"
#include "support/temp_dir.h"

namespace dq {
namespace {

ErrorCode open_error(const std::filesystem::path& path) {
  try {
    MappedFile::open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.file(), path.string());
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(MappedFile, ShowsTheBytes) {
  test::TempDir dir;
  const auto file = MappedFile::open(dir.write("a", "hello"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()), "hello");
  EXPECT_EQ(MappedFile::open(dir.write("empty", ""))->bytes().size(), 0u);
}

TEST(MappedFile, OnlyRegularFiles) {
  test::TempDir dir;
  EXPECT_EQ(open_error(dir.path() / "nothing"), ErrorCode::kNotFound);
  EXPECT_EQ(open_error(dir.path()), ErrorCode::kIo);
  EXPECT_EQ(open_error("/dev/zero"), ErrorCode::kIo);
  const auto pipe = dir.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(open_error(pipe), ErrorCode::kIo);  // and does not wait for a writer
}

TEST(MappedFile, NoticesTruncation) {
  test::TempDir dir;
  const auto path = dir.write("a", std::string(100'000, 'x'));
  const auto file = MappedFile::open(path);
  EXPECT_NO_THROW(file->check_not_truncated());
  std::filesystem::resize_file(path, 99'999);
  try {
    file->check_not_truncated();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    EXPECT_FALSE(error.hint().empty());
  }
  std::filesystem::resize_file(path, 200'000);  // a file that grows does no harm
  EXPECT_NO_THROW(file->check_not_truncated());
}

TEST(MappedFile, SurvivesUnlinkAndReplacement) {
  test::TempDir dir;
  const auto path = dir.write("a", "old");
  const auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  dir.write("a", "new and longer");
  EXPECT_EQ(static_cast<char>(file->bytes()[0]), 'o');
  EXPECT_NO_THROW(file->check_not_truncated());
}

TEST(MappedFile, DropGivesMemoryBackAndKeepsTheBytes) {
  test::TempDir dir;
  constexpr std::size_t kSize = 32u << 20;
  const auto file = MappedFile::open(dir.write("a", std::string(kSize, 'x')));
  const auto sum = [&] {
    std::size_t total = 0;
    for (std::size_t i = 0; i < kSize; i += 512) total += static_cast<std::size_t>(file->bytes()[i]);
    return total;
  };
  const std::size_t before = sum();
  const std::int64_t full = resident_bytes();
  file->drop(0, kSize);
  EXPECT_LT(resident_bytes(), full - (16 << 20));
  EXPECT_EQ(sum(), before);
  file->drop(kSize - 1, 2);  // outside: nothing happens
  file->drop(~std::uint64_t{0}, 1);
  file->drop(5, 10);
  EXPECT_EQ(sum(), before);
}

}  // namespace
}  // namespace dq
