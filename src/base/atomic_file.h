#pragma once
// Writes a file so that nobody ever sees half of it: the bytes go into a temporary file in the same folder,
// are forced to the disk, and take the final name in one step. Whatever fails, the old file stays as it was.
// Where the file system can (Linux's O_TMPFILE: ext4, xfs, btrfs, tmpfs), the temporary file has no name, so
// that not even a killed process leaves one behind; elsewhere it is called ".danqing-….part".
#include <filesystem>
#include <vector>

#include "base/byte_reader.h"
#include "base/fault.h"

namespace dq {

class AtomicFile {
 public:
  enum class IfExists { kReplace, kRefuse };

  // Creates the temporary file. Throws kNotFound when the folder is missing, kDiskFull,
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
  // The same with kRefuse, but false when a file of that name exists: of two writers one gets the name.
  bool commit_if_free();

 private:
  bool take_name(IfExists if_exists);
  int rename(IfExists if_exists);  // both: 0 or an errno value; EEXIST only with kRefuse
  int link(IfExists if_exists);
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
