#include "base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "base/error.h"

namespace dq {
namespace {

constexpr std::size_t kBufferBytes = 1u << 20;
constexpr int kNameAttempts = 16;
constexpr const char* kOwnFiles = "/proc/self/fd";  // through which a file without a name gets one

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::string random_name() {
  std::random_device random;
  return fmt::format(".danqing-{:08x}{:08x}.part", random(), random());
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, FaultHook faults)
    : path_(std::move(path)), faults_(std::move(faults)) {
  if (!path_.has_filename()) {
    throw Error(ErrorCode::kInvalidArgument, "a file name is missing").in(path_.string());
  }
  int error = fault(FaultPoint::kOpen);
  if (error != 0) fail("create", error);
  // Not mkstemp: its files are private to the user, ours follow the umask like any other file.
  if (::access(kOwnFiles, X_OK) == 0)
    fd_ = ::open(folder_of(path_).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  if (fd_ >= 0) return;
  error = EEXIST;
  for (int attempt = 0; attempt < kNameAttempts && error == EEXIST; ++attempt) {
    temporary_ = folder_of(path_) / random_name();
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    error = fd_ < 0 ? errno : 0;
  }
  if (error != 0) {
    temporary_.clear();
    fail("create", error);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* doing, int error) const {
  const std::string folder = folder_of(path_).string();
  if (error == ENOSPC || error == EDQUOT) {
    throw Error(ErrorCode::kDiskFull, "there is no room left on the disk")
        .in(path_.string())
        .hint(fmt::format("Free some space on the disk of {}, then try again; nothing was overwritten",
                          folder));
  }
  if (error == ENOENT || error == ENOTDIR) {
    throw Error(ErrorCode::kNotFound, "the folder to write into does not exist")
        .in(path_.string())
        .hint(fmt::format("Create the folder {} first", folder));
  }
  Error out(ErrorCode::kIo, fmt::format("cannot {} the file: {}", doing, std::strerror(error)));
  out.in(path_.string());
  if (error == EACCES || error == EPERM || error == EROFS) out.hint("Choose a folder that you may write to");
  throw out;
}

void AtomicFile::write(Bytes bytes) {
  if (!usable_) throw Error(ErrorCode::kInternal, "a file is written to after an error").in(path_.string());
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) return write_through(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void AtomicFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write_through(Bytes bytes) {
  while (!bytes.empty()) {
    // The kernel writes at most 2 GiB a call, so a whole gigabyte is a fair share.
    const std::size_t share = std::min<std::size_t>(bytes.size(), 1u << 30);
    int error = fault(FaultPoint::kWrite);
    const ssize_t written = error != 0 ? -1 : ::write(fd_, bytes.data(), share);
    if (written < 0 && error == 0) error = errno;
    if (written < 0 && error == EINTR) continue;
    if (written < 0) {
      usable_ = false;
      fail("write", error);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::sync_folder() const {
  int error = fault(FaultPoint::kSyncFolder);
  if (error == 0) {
    const int fd = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;  // a folder that may be written but not read: the rename has happened all the same
    error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
  }
  // Some file systems cannot sync a folder and say EINVAL; they order the rename themselves.
  if (error != 0 && error != EINVAL) fail("secure", error);
}

int AtomicFile::rename(IfExists if_exists) {
  // Delayed errors of network disks show when the file is closed.
  const int closed = ::close(fd_) == 0 ? 0 : errno;
  fd_ = -1;
  if (closed != 0 && closed != EINTR) fail("close", closed);
  const char *from = temporary_.c_str(), *to = path_.c_str();
  int error = 0;
  if (if_exists == IfExists::kReplace) {
    if (::rename(from, to) != 0) error = errno;
  } else {
    if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) error = errno;
    // Some file systems do not know that flag; a second name is refused everywhere.
    if (error == EINVAL) {
      error = ::link(from, to) == 0 ? 0 : errno;
      if (error == 0) ::unlink(from);
    }
  }
  if (error == 0) temporary_.clear();
  return error;
}

int AtomicFile::link(IfExists if_exists) {
  const std::string own = fmt::format("{}/{}", kOwnFiles, fd_);
  const auto name = [&](const std::filesystem::path& path) {
    return ::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  };
  int error = name(path_);
  if (error != EEXIST || if_exists == IfExists::kRefuse) return error;
  // An old file can only be replaced by one with a name, which this one has for a moment.
  for (int attempt = 0; attempt < kNameAttempts && error == EEXIST; ++attempt) {
    temporary_ = folder_of(path_) / random_name();
    error = name(temporary_);
  }
  if (error != 0) {
    temporary_.clear();
    return error;
  }
  return rename(if_exists);
}

bool AtomicFile::take_name(IfExists if_exists) {
  if (!usable_)
    throw Error(ErrorCode::kInternal, "a file is committed twice or after an error").in(path_.string());
  flush();
  usable_ = false;
  int error = fault(FaultPoint::kSync);
  if (error == 0 && ::fsync(fd_) != 0) error = errno;
  if (error != 0) fail("secure", error);
  error = fault(FaultPoint::kRename);
  if (error == 0) error = temporary_.empty() ? link(if_exists) : rename(if_exists);
  if (error == EEXIST && if_exists == IfExists::kRefuse) return false;
  if (error != 0) fail("name", error);
  sync_folder();
  return true;
}

bool AtomicFile::commit_if_free() {
  return take_name(IfExists::kRefuse);
}

void AtomicFile::commit(IfExists if_exists) {
  if (take_name(if_exists)) return;
  throw Error(ErrorCode::kInvalidArgument, "a file of this name exists already")
      .in(path_.string())
      .hint("Choose another name");
}

void write_file_atomically(const std::filesystem::path& path, Bytes bytes, const FaultHook& faults) {
  AtomicFile file(path, faults);
  file.write(bytes);
  file.commit();
}

}  // namespace dq
