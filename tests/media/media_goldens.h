#pragma once
// Files under tests/golden/media/ and what make_media.py knows about them.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "support/golden.h"

namespace dq::test {

std::vector<std::byte> media_file(const std::string& name);
nlohmann::json media_expected(const char* part);  // "codec", "resize", "interpolate", "info" or "infotext"

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// "a.b" → "a_b", as names of tests must be.
std::string test_name(std::string file_name);

}  // namespace dq::test
