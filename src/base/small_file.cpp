#include "base/small_file.h"

#include <fstream>
#include <sstream>

namespace dq {

std::optional<std::string> read_small_file(const std::filesystem::path& file, std::uintmax_t most) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) return std::nullopt;
  if (std::filesystem::file_size(file, failed) > most || failed) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return in ? std::optional(std::move(text).str()) : std::nullopt;
}

}  // namespace dq
