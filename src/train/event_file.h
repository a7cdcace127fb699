#pragma once
// A log that TensorBoard reads: one number a tag and step.
//
//   record:  u64 length | u32 masked crc32c(length) | bytes | u32 masked crc32c(bytes)         (TFRecord,
//   little-endian) bytes:   Event { 1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary {
//   1: Value { 1: string tag,
//            2: float simple_value } } }                                                        (protocol
//            buffers)
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace dq::train {

class EventFile {
 public:
  // Appends when the file is there already: a run that goes on keeps its log. Throws kIo.
  explicit EventFile(const std::filesystem::path& path);
  void add(std::string_view tag, std::int64_t step, double value, double wall_seconds);
  void flush();

 private:
  std::ofstream out_;
};

// CRC-32C (Castagnoli), as TFRecord uses it before masking.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace dq::train
