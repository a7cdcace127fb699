#pragma once
// A read-only view of ComfyUI's API graph: {"id": {"class_type": …, "inputs": {name: value or ["id",
// slot]}}}.
#include <unordered_map>

#include "media/json_text.h"

namespace dq::media {

class ComfyGraph {
 public:
  struct Link {
    const Json* node = nullptr;
    int slot = 0;
  };

  explicit ComfyGraph(const Json& json);

  // The node that an input is wired to, or nothing when it holds a value, is missing, or points nowhere.
  std::optional<Link> link(const Json& node, std::string_view input) const;
  std::vector<const Json*> linked_nodes(const Json& node) const;

  // The value of an input, looked for through wires to nodes that only hold or pass a value. Null when it
  // cannot be told without running the graph.
  const Json* value(const Json& node, std::string_view input) const;
  std::string text(const Json& node, std::string_view input) const;
  std::optional<double> number(const Json& node, std::string_view input) const;

  // Every node with a class and inputs, in the order of the file.
  std::vector<const Json*> nodes() const;

  static const Json* input(const Json& node, std::string_view name);
  static std::string class_of(const Json& node) { return text_member(node, "class_type"); }

 private:
  std::optional<Link> follow(const Json& value) const;
  const Json& json_;
  std::unordered_map<std::string_view, const Json*> by_id_;  // an ordered object finds members one by one
};

}  // namespace dq::media
