#pragma once
// Which matrices of a network stay in memory when not all may.
#include <cstdint>
#include <span>
#include <vector>

#include "weights/packed_bytes.h"

namespace dq::weights {

// Those that stay are spread evenly over the network, so that the file is read for the others beside the
// work on these. Kernels of convolutions stay first: they are dearer to pack.
class Residency {
 public:
  // `resident`: bytes of packed matrices that may stay.
  Residency(const TensorTable& table, Precision precision, std::int64_t resident);

  // Does the next one, in the order of loading, stay?
  bool keeps(std::span<const files::TensorEntry> entries, Precision precision);

 private:
  struct Kind {
    double share = 1;  // that may stay
    std::int64_t seen = 0, kept = 0;
  };
  Kind matrices_, kernels_;
};

// The entries of matrices that do not stay, in the order of loading, which is that of use.
using Streamed = std::vector<std::vector<files::TensorEntry>>;

}  // namespace dq::weights
