#pragma once
// The linear map from latents to a small picture, by least squares.
#include "models/family.h"

namespace dq::mini {

// Pictures and what the VAE makes of them. latents: [N, C, h, w] in model space; pictures: [N, 8h, 8w, 3] in
// [−1, 1]. → `format` with the map that comes nearest to the mean colour of each cell. Throws
// kInvalidArgument when the latents do not determine one.
models::LatentFormat fit_preview(const Tensor& latents, const Tensor& pictures, models::LatentFormat format);

}  // namespace dq::mini
