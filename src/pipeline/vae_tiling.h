#pragma once
// Decoding and encoding within a memory budget: whole when it fits, else in overlapping tiles that are
// blended.
#include "models/family.h"

namespace dq::pipeline {

struct TilingReport {
  bool tiled = false;
  std::int64_t tile = 0;  // latent cells along one side
};

// latent: [N, C, h, w] in the VAE's own space → [N, 8h, 8w, 3]. `budget` bounds the activations in bytes;
// tiles shrink until they fit, down to 16 cells. `downscale`: pixels a cell. One picture at a time.
Tensor decode_within(const models::Vae& vae, const Tensor& latent, int downscale, std::int64_t budget,
                     TilingReport* report = nullptr);

// image: [N, 8h, 8w, 3] in [−1, 1] → [N, C, h, w].
Tensor encode_within(const models::Vae& vae, const Tensor& image, int downscale, std::int64_t budget,
                     TilingReport* report = nullptr);

// Bytes of activations that developing a picture of h×w cells takes with the smallest tiles, told before the
// VAE is loaded: two maps of 256 and of 128 channels at the tile's full resolution, as the widest of the
// image VAEs have them. VAEs of less take less.
std::int64_t smallest_tile_bytes(std::int64_t h, std::int64_t w, int downscale);

}  // namespace dq::pipeline
