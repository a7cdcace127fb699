#pragma once
// A file that appears under its name only when it is whole.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>

namespace dq::tools {

class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);  // writes to "<path>.partial"
  ~OutputFile();                                    // removes that when commit was not reached
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void patch(std::uint64_t offset, std::string_view text);  // overwrites, then goes on at the end
  std::uint64_t size() const { return size_; }
  void commit();  // throws kIo when anything could not be written

 private:
  std::filesystem::path path_, partial_;
  std::ofstream out_;
  std::uint64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace dq::tools
