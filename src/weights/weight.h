#pragma once
// What a layer holds. Today: the packed base matrix and where it came from, so that it can be packed again.
// Adapter deltas with their strengths come to live here («Families»), so that no layer needs to know about
// them.
#include <vector>

#include "files/weight_source.h"
#include "ops/packed_weight.h"

namespace dq::weights {

class Weight {
 public:
  Weight() = default;
  Weight(ops::PackedWeight packed, std::vector<files::TensorEntry> sources)
      : packed_(std::move(packed)), sources_(std::move(sources)) {}

  bool defined() const { return packed_.defined(); }
  const ops::PackedWeight& packed() const { return packed_; }
  // The stored tensors it was packed from: several when projections were stacked ([q | k | v]).
  const std::vector<files::TensorEntry>& sources() const { return sources_; }

 private:
  ops::PackedWeight packed_;
  std::vector<files::TensorEntry> sources_;
};

}  // namespace dq::weights
