#pragma once
// Reads a few numbers of a mapped tensor.
#include <vector>

#include "files/weight_source.h"

namespace dq::models::recognised {

// At most `limit` elements of a contiguous floating tensor; empty when it is longer, of another type, not
// mapped, or not wholly in its file.
std::vector<float> read_numbers(const files::TensorEntry& entry, std::size_t limit);

// Elements of a shape; the largest number when they are more than 64 bits hold or a dimension is negative.
std::uint64_t elements_of(std::span<const std::int64_t> shape);

}  // namespace dq::models::recognised
