#pragma once
// What a model's file states about itself as a JSON text among its own. Untrusted.
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace dq::pipeline {

// The text under `key`; a discarded value when there is none, when it is no JSON, and beyond 64 KiB.
nlohmann::json stated_json(const std::map<std::string, std::string>& texts, const char* key);

}  // namespace dq::pipeline
