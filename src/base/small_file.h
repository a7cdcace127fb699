#pragma once
// Files that are read whole because they are small: captions, configurations.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace dq {

// The bytes of a regular file; nothing when it is none, cannot be read, or holds more than `most` bytes.
std::optional<std::string> read_small_file(const std::filesystem::path& file, std::uintmax_t most);

}  // namespace dq
