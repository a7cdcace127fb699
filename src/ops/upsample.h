#pragma once
// Nearest-neighbour enlargement.
#include "tensor/tensor.h"

namespace dq::ops {

// x: [N, H, W, C] f32 → [N, height, width, C]; pixel (i, j) reads (⌊i·H/height⌋, ⌊j·W/width⌋), as PyTorch's
// interpolate(mode="nearest") does: the ratio H/height is an f32 there and here, so at a few odd sizes the
// product falls just below a whole number and reads the row before.
Tensor upsample_nearest(const Tensor& x, std::int64_t height, std::int64_t width);

// The row or column that place `i` of `out` places reads from `in` places.
std::int64_t nearest_source(std::int64_t i, std::int64_t in, std::int64_t out);

}  // namespace dq::ops
