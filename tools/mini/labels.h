#pragma once
// CLDR's grouping of emoji (properties/labels.txt). Untrusted.
#include <string>
#include <string_view>
#include <unordered_map>

namespace dq::mini {

struct Label {
  std::string group, subgroup;  // "Animals & Nature", "animal-mammal"
};

// Characters (UTF-8, without U+FE0F) → label. Throws kBadFile.
using Labels = std::unordered_map<std::string, Label>;
Labels read_labels(std::string_view file);

}  // namespace dq::mini
