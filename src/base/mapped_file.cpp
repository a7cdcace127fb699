#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dq {
namespace {

Error open_error(const std::filesystem::path& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error(code, std::string("cannot open the file: ") + std::strerror(error)).in(path.string());
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not hang; it is refused just below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw open_error(path, errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error(ErrorCode::kIo, "this is not a regular file").in(path.string());
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
      const int error = errno;
      ::close(fd);
      throw Error(ErrorCode::kIo, std::string("cannot map the file: ") + std::strerror(error))
          .in(path.string());
    }
    data = static_cast<const std::byte*>(address);
  }
  return std::make_shared<const MappedFile>(Key{}, path, fd, data, size);
}

std::shared_ptr<const MappedFile> MappedFile::zeros(std::size_t size, const std::string& name) {
  const std::byte* data = nullptr;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) throw Error(ErrorCode::kOutOfMemory, "there is not enough memory").in(name);
    data = static_cast<const std::byte*>(address);
  }
  return std::make_shared<const MappedFile>(Key{}, name, -1, data, size);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  if (fd_ >= 0) ::close(fd_);
}

void MappedFile::check_not_truncated() const {
  struct stat info {};
  if (fd_ < 0) return;
  if (::fstat(fd_, &info) == 0 && static_cast<std::uint64_t>(info.st_size) >= size_) return;
  throw Error(ErrorCode::kBadFile, "the file became shorter while it was in use")
      .in(path_.string())
      .hint("Wait until the download or copy is finished, then try again");
}

void MappedFile::want(std::uint64_t offset, std::uint64_t size) const {
  advise(offset, size, MADV_WILLNEED);
}

void MappedFile::drop(std::uint64_t offset, std::uint64_t size) const {
  advise(offset, size, MADV_DONTNEED);
}

void MappedFile::advise(std::uint64_t offset, std::uint64_t size, int advice) const {
  if (!data_ || size > size_ || offset > size_ - size) return;
  const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = (offset + page - 1) / page * page;
  const std::uint64_t end = (offset + size) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, advice);
}

}  // namespace dq
