#include "media_goldens.h"

#include <algorithm>
#include <cctype>

#include "base/mapped_file.h"

namespace dq::test {

std::vector<std::byte> media_file(const std::string& name) {
  const auto file = MappedFile::open(golden_path("media/" + name));
  return {file->bytes().begin(), file->bytes().end()};
}

nlohmann::json media_expected(const char* part) {
  const std::vector<std::byte> file = media_file("expected.json");
  const auto* first = reinterpret_cast<const char*>(file.data());
  return nlohmann::json::parse(first, first + file.size())[part];
}

std::string test_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

}  // namespace dq::test
