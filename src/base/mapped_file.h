#pragma once
// A file mapped read-only. Pages come in as they are touched; nothing is copied.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/byte_reader.h"

namespace dq {

class MappedFile {
  struct Key {};  // only open() and zeros() make one

 public:
  // Throws kNotFound, kIo. Directories, devices and pipes are refused: only regular files are mapped.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  // So many bytes, all 0, as if a file held them; they take no memory until they are read. `name` is for
  // messages.
  static std::shared_ptr<const MappedFile> zeros(std::size_t size, const std::string& name);

  MappedFile(Key, std::filesystem::path path, int fd, const std::byte* data, std::size_t size)
      : path_(std::move(path)), fd_(fd), data_(data), size_(size) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  Bytes bytes() const { return {data_, size_}; }

  // Throws kBadFile when the file is now shorter than when it was mapped: touching the lost pages would
  // raise SIGBUS. Called before each read of a tensor.
  void check_not_truncated() const;

  // Tells the kernel that these bytes are needed next: it reads them ahead of the first touch.
  void want(std::uint64_t offset, std::uint64_t size) const;

  // Tells the kernel that these bytes are not needed soon; they leave resident memory, not the page cache.
  void drop(std::uint64_t offset, std::uint64_t size) const;

 private:
  // madvise for the whole pages of a range that lies in the file.
  void advise(std::uint64_t offset, std::uint64_t size, int advice) const;

  std::filesystem::path path_;
  int fd_;  // −1: no file
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace dq
