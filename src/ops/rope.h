#pragma once
// Rotary position embedding (Su et al. 2021): pairs of a head's numbers are turned by angles that depend on
// the token's place, so that the product of a query and a key depends on their distance.
#include "tensor/tensor.h"

namespace dq::ops {

// Which numbers of a head form a pair: neighbours (2i, 2i + 1), or i and i + D/2.
enum class RopeForm : std::uint8_t { kPairs, kHalves };

// Of every angle; [T, D/2], or [N, T, D/2] when batches lie at different places. f32, contiguous.
struct RopeTables {
  Tensor cos, sin;
};

// (a, b) → (a·cos − b·sin, b·cos + a·sin) in every head. x: [N, T, heads·D] f32, D even; rows may be strided
// (slices of a fused projection). Returns [N, T, heads·D].
Tensor rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form);

}  // namespace dq::ops
