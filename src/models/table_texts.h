#pragma once
// The texts that come with a table of tensors (weights::TensorTable::texts), as JSON.
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace dq::models {

// The object under a key; an empty one when there is none, or it is no JSON object.
inline nlohmann::json object_in(const std::map<std::string, std::string>& texts, const std::string& key) {
  const auto text = texts.find(key);
  if (text == texts.end()) return nlohmann::json::object();
  nlohmann::json value = nlohmann::json::parse(text->second, nullptr, false);
  return value.is_object() ? value : nlohmann::json::object();
}

}  // namespace dq::models
