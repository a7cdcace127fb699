#pragma once
// A zip of stored entries, as torch.save lays it out. (PKWARE APPNOTE 6.3, §4.3; zip64 where an offset needs
// it.)
#include <string>
#include <vector>

#include "checkpoint/output_file.h"
#include "checkpoint/values.h"

namespace dq::tools {

class ZipFile {
 public:
  explicit ZipFile(const std::filesystem::path& path) : out_(path) {}

  // `write` streams `size` bytes, which must be below 4 GiB. Data begins at a multiple of 64.
  void add(const std::string& name, std::uint64_t size, const std::function<void(const Sink&)>& write);
  void add(const std::string& name, std::string_view content);
  void finish();  // writes the directory and commits

 private:
  struct Entry {
    std::string name;
    std::uint32_t crc = 0;
    std::uint64_t size = 0, offset = 0;
  };

  OutputFile out_;
  std::vector<Entry> entries_;
};

}  // namespace dq::tools
