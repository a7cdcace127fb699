#pragma once
// Nearest-neighbour enlargement.
#include "tensor/tensor.h"

namespace dq::ops {

// x: [N, H, W, C] f32 → [N, height, width, C]; pixel (i, j) reads (⌊i·H/height⌋, ⌊j·W/width⌋), as PyTorch's
// interpolate(mode="nearest") does.
Tensor upsample_nearest(const Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace dq::ops
