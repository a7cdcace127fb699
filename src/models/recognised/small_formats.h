#pragma once
// Files of a few tensors: textual-inversion embeddings and hypernetworks.
#include <optional>

#include "models/recognise.h"
#include "models/recognised/names.h"

namespace dq::models::recognised {

struct SmallFormat {
  Role role = Role::kUnknown;
  std::string_view ecosystem;  // id
  std::string variant;
  std::string note;
  std::vector<std::string> evidence;
};

std::optional<SmallFormat> match_small_format(const Names& names);

}  // namespace dq::models::recognised
