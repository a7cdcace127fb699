#include "pipeline/stated_defaults.h"

#include <algorithm>

#include "pipeline/stated_json.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"

namespace dq::pipeline {
namespace {

template <class Table>
std::string known_name(const nlohmann::json& json, const char* key, const Table& table) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return {};
  const auto name = it->get<std::string>();
  const bool known =
      std::any_of(table.begin(), table.end(), [&](const auto& row) { return row.name == name; });
  return known ? name : std::string();
}

double number_within(const nlohmann::json& json, const char* key, double low, double high, double otherwise) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number()) return otherwise;
  const auto value = it->get<double>();
  return value >= low && value <= high ? value : otherwise;
}

}  // namespace

void apply_stated_defaults(const std::map<std::string, std::string>& texts, Request& request) {
  const nlohmann::json json = stated_json(texts, kStatedDefaultsKey);
  if (!json.is_object()) return;
  if (request.steps == 0) request.steps = static_cast<int>(number_within(json, "steps", 1, 1000, 0));
  if (request.guidance < 0) request.guidance = number_within(json, "guidance", 0, 100, -1);
  if (!request.sampler.empty()) return;
  request.sampler = known_name(json, "sampler", sampling::samplers());
  if (request.scheduler.empty()) request.scheduler = known_name(json, "scheduler", sampling::schedulers());
}

}  // namespace dq::pipeline
