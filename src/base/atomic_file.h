#pragma once
// Writes a file so that nobody ever sees half of it: the bytes go into a temporary file in the same folder,
// are forced to the disk, and take the final name in one step. Whatever fails, the old file stays as it was.
#include <filesystem>
#include <vector>

#include "base/byte_reader.h"
#include "base/fault.h"

namespace dq {

class AtomicFile {
 public:
  enum class IfExists { kReplace, kRefuse };

  // Creates the temporary file, ".danqing-….part". Throws kNotFound when the folder is missing, kDiskFull,
  // kIo.
  explicit AtomicFile(std::filesystem::path path, FaultHook faults = {});
  // Without commit() the temporary file is removed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Throws kDiskFull with a hint, kIo. After an error the file cannot be committed.
  void write(Bytes bytes);

  // fsync, rename, fsync of the folder. With kRefuse an existing file stays, and kInvalidArgument is thrown.
  void commit(IfExists if_exists = IfExists::kReplace);

 private:
  void flush();
  void write_through(Bytes bytes);
  int fault(FaultPoint point) const { return faults_ ? faults_(point) : 0; }
  [[noreturn]] void fail(const char* doing, int error) const;
  void sync_folder() const;

  std::filesystem::path path_, temporary_;
  FaultHook faults_;
  int fd_ = -1;
  std::vector<std::byte> buffer_;
  bool usable_ = true;
};

// Writes a whole file at once.
void write_file_atomically(const std::filesystem::path& path, Bytes bytes, const FaultHook& faults = {});

}  // namespace dq
