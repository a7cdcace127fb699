#include "base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "base/error.h"
#include "support/temp_dir.h"

namespace dq {
namespace {

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

template <class Work>
std::optional<Error> error_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  test::TempDir dir;
  const auto path = dir.path() / "out.png";
  const std::string large(3u << 20, 'L');
  {
    AtomicFile file(path);
    file.write(bytes_of("small "));
    file.write(bytes_of(large));
    EXPECT_FALSE(std::filesystem::exists(path));
    file.write(bytes_of(" end"));
    file.commit();
  }
  EXPECT_EQ(read(path), "small " + large + " end");
  EXPECT_EQ(files_in(dir.path()), 1u);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(info.st_mode & 0777u, 0666u & ~mask);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  test::TempDir dir;
  const auto path = dir.write("out.png", "old");
  { AtomicFile(path).write(bytes_of("new")); }
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, ReplacesOrRefuses) {
  test::TempDir dir;
  const auto path = dir.write("out.png", "old");
  const auto write = [&](AtomicFile::IfExists if_exists) {
    AtomicFile file(path);
    file.write(bytes_of("new"));
    file.commit(if_exists);
  };
  const auto error = error_of([&] { write(AtomicFile::IfExists::kRefuse); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(read(path), "old");
  write(AtomicFile::IfExists::kReplace);
  EXPECT_EQ(read(path), "new");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, OfTwoWritersOneGetsTheName) {
  test::TempDir dir;
  const auto path = dir.path() / "out.png";
  AtomicFile first(path), second(path);
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  EXPECT_TRUE(second.commit_if_free());
  EXPECT_FALSE(first.commit_if_free());
  EXPECT_EQ(read(path), "second");
  EXPECT_EQ(error_of([&] { first.commit(); })->code(), ErrorCode::kInternal);
}

TEST(AtomicFile, AKilledWriterLeavesNothing) {
  test::TempDir dir;
  const int probe = ::open(dir.path().c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
  if (probe >= 0) ::close(probe);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    AtomicFile file(dir.path() / "out.png");
    file.write(bytes_of(std::string(3u << 20, 'x')));
    ::_exit(7);  // as a second Ctrl-C does: no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  // Where files always have names, the one under the temporary name stays.
  EXPECT_EQ(files_in(dir.path()), probe >= 0 ? 0u : 1u);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "out.png"));
}

TEST(AtomicFile, EveryCallMayFail) {
  for (const auto& [number, code] :
       {std::pair{ENOSPC, ErrorCode::kDiskFull}, std::pair{EDQUOT, ErrorCode::kDiskFull},
        std::pair{EIO, ErrorCode::kIo}}) {
    int failures = 0;
    for (int n = 0; n < 50; ++n) {
      test::TempDir dir;
      const auto path = dir.write("out.png", "old");
      const std::string data(5u << 20, 'n');
      const auto error =
          error_of([&] { write_file_atomically(path, bytes_of(data), fail_after(n, number)); });
      if (!error) break;
      ++failures;
      EXPECT_EQ(error->code(), code);
      EXPECT_EQ(error->file(), path.string());
      EXPECT_EQ(files_in(dir.path()), 1u);
      const std::string now = read(path);
      EXPECT_TRUE(now == "old" || now == data) << n;
    }
    EXPECT_EQ(failures, 5) << "open, write, sync, rename, sync of the folder";
  }
}

TEST(AtomicFile, AFailedFileCannotBeCommitted) {
  test::TempDir dir;
  const auto path = dir.path() / "out.png";
  AtomicFile file(path, fail_after(1, ENOSPC));
  const std::string data(2u << 20, 'n');
  EXPECT_EQ(error_of([&] { file.write(bytes_of(data)); })->code(), ErrorCode::kDiskFull);
  EXPECT_EQ(error_of([&] { file.commit(); })->code(), ErrorCode::kInternal);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(AtomicFile, SaysWhyItCannotBegin) {
  test::TempDir dir;
  const auto missing = error_of([&] { AtomicFile(dir.path() / "no" / "out.png"); });
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code(), ErrorCode::kNotFound);
  EXPECT_FALSE(missing->hint().empty());
  EXPECT_EQ(error_of([&] { AtomicFile(dir.path() / ""); })->code(), ErrorCode::kInvalidArgument);
  std::filesystem::create_directory(dir.path() / "folder");
  EXPECT_EQ(error_of([&] { write_file_atomically(dir.path() / "folder", bytes_of("x")); })->code(),
            ErrorCode::kIo);
}

}  // namespace
}  // namespace dq
