#include "media/comfy_graph.h"

#include <array>

namespace dq::media {

namespace {

constexpr int kMaxHops = 32;

// Where nodes that only carry a value keep it (primitives, string boxes, seed nodes, reroutes).
constexpr std::array<std::string_view, 12> kCarriers = {"value",      "text",   "string", "String",
                                                        "int",        "float",  "seed",   "Value",
                                                        "noise_seed", "number", "text_0", "any"};

}  // namespace

ComfyGraph::ComfyGraph(const Json& json) : json_(json) {
  if (!json.is_object()) return;
  for (const auto& [id, node] : json.items()) by_id_.emplace(id, &node);
}

const Json* ComfyGraph::input(const Json& node, std::string_view name) {
  const Json* inputs = member(node, "inputs");
  return inputs ? member(*inputs, name) : nullptr;
}

std::optional<ComfyGraph::Link> ComfyGraph::follow(const Json& value) const {
  if (!value.is_array() || value.size() != 2 || !value[1].is_number_integer()) return {};
  const bool named = value[0].is_string() || value[0].is_number_integer();
  const auto found = named ? by_id_.find(json_to_text(value[0])) : by_id_.end();
  if (found == by_id_.end() || !found->second->is_object()) return {};
  return Link{found->second, value[1].get<int>()};
}

std::optional<ComfyGraph::Link> ComfyGraph::link(const Json& node, std::string_view name) const {
  const Json* value = input(node, name);
  return value ? follow(*value) : std::nullopt;
}

std::vector<const Json*> ComfyGraph::linked_nodes(const Json& node) const {
  std::vector<const Json*> out;
  const Json* inputs = member(node, "inputs");
  if (!inputs || !inputs->is_object()) return out;
  for (const Json& value : *inputs) {
    if (const auto to = follow(value)) out.push_back(to->node);
  }
  return out;
}

const Json* ComfyGraph::value(const Json& node, std::string_view name) const {
  const Json* found = input(node, name);
  for (int hop = 0; found && hop < kMaxHops; ++hop) {
    const auto to = follow(*found);
    if (!to) return found->is_array() ? nullptr : found;
    found = input(*to->node, name);
    for (std::size_t i = 0; !found && i < kCarriers.size(); ++i) found = input(*to->node, kCarriers[i]);
  }
  return nullptr;
}

std::string ComfyGraph::text(const Json& node, std::string_view name) const {
  const Json* found = value(node, name);
  return found && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> ComfyGraph::number(const Json& node, std::string_view name) const {
  const Json* found = value(node, name);
  if (found && found->is_number()) return found->get<double>();
  return {};
}

std::vector<const Json*> ComfyGraph::nodes() const {
  std::vector<const Json*> out;
  if (!json_.is_object()) return out;
  for (const Json& node : json_) {
    if (!class_of(node).empty() && member(node, "inputs")) out.push_back(&node);
  }
  return out;
}

}  // namespace dq::media
