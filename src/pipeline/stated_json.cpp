#include "pipeline/stated_json.h"

namespace dq::pipeline {

nlohmann::json stated_json(const std::map<std::string, std::string>& texts, const char* key) {
  constexpr std::size_t kLongest = 64 << 10;  // bytes
  const auto text = texts.find(key);
  if (text == texts.end() || text->second.size() > kLongest) return nlohmann::json::value_t::discarded;
  return nlohmann::json::parse(text->second, nullptr, /*allow_exceptions=*/false);
}

}  // namespace dq::pipeline
