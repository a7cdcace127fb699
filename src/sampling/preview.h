#pragma once
// A cheap look at a latent: a linear map from its channels to RGB, one pixel a cell.
#include "models/family.h"

namespace dq::sampling {

// latent: [N, C, h, w] in model space → [1, h, w, 3] f32 in [−1, 1] of picture `index`; an undefined tensor
// when the family has no such map.
Tensor latent_preview(const Tensor& latent, const models::LatentFormat& format, std::int64_t index = 0);

}  // namespace dq::sampling
