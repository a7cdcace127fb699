#include "pipeline/vae_tiling.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "ops/elementwise.h"

namespace dq::pipeline {
namespace {

constexpr std::int64_t kSmallestTile = 16;  // cells; the VAE's view of its surroundings is about that wide

// Where tiles of `tile` begin along `size`, each overlapping the one before by at least a quarter.
std::vector<std::int64_t> starts(std::int64_t size, std::int64_t tile) {
  if (tile >= size) return {0};
  const std::int64_t step = tile - tile / 4;
  const std::int64_t count = (size - tile + step - 1) / step + 1;
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(i * (size - tile) / (count - 1));
  return out;
}

// The weight of position i in a tile: rises linearly over the overlap from every side that has a neighbour.
float ramp(std::int64_t i, std::int64_t size, std::int64_t overlap, bool first, bool last) {
  float weight = 1;
  if (!first && i < overlap)
    weight = std::min(weight, (static_cast<float>(i) + 0.5f) / static_cast<float>(overlap));
  if (!last && size - 1 - i < overlap) {
    weight = std::min(weight, (static_cast<float>(size - 1 - i) + 0.5f) / static_cast<float>(overlap));
  }
  return weight;
}

// A blend of tiles over one result picture: Σ weight·value / Σ weight, channels last.
class Canvas {
 public:
  Canvas(Device& device, std::int64_t h, std::int64_t w, std::int64_t channels)
      : sum_(Tensor::zeros(device, DType::kF32, {1, h, w, channels})),
        weight_(static_cast<std::size_t>(h * w), 0.0f) {}

  // tile: [1, th, tw, channels], contiguous, at (top, left); `overlap` in pixels of the result.
  void add(const Tensor& tile, std::int64_t top, std::int64_t left, std::int64_t overlap) {
    const std::int64_t h = sum_.dim(1), w = sum_.dim(2), c = sum_.dim(3), th = tile.dim(1), tw = tile.dim(2);
    const float* from = tile.data<float>();
    for (std::int64_t y = 0; y < th; ++y) {
      const float wy = ramp(y, th, overlap, top == 0, top + th == h);
      for (std::int64_t x = 0; x < tw; ++x, from += c) {
        const float weight = wy * ramp(x, tw, overlap, left == 0, left + tw == w);
        const std::int64_t at = (top + y) * w + left + x;
        weight_[static_cast<std::size_t>(at)] += weight;
        float* to = sum_.data<float>() + at * c;
        for (std::int64_t k = 0; k < c; ++k) to[k] += weight * from[k];
      }
    }
  }

  Tensor finish() {
    const std::int64_t c = sum_.dim(3);
    float* to = sum_.data<float>();
    for (const float weight : weight_) {
      for (std::int64_t k = 0; k < c; ++k) *to++ /= weight;
    }
    return sum_;
  }

 private:
  Tensor sum_;
  std::vector<float> weight_;
};

// The largest tile whose activations fit; h or w when no tiling is needed.
std::int64_t fitting_tile(std::int64_t h, std::int64_t w, std::int64_t budget,
                          const std::function<std::int64_t(std::int64_t, std::int64_t)>& bytes) {
  if (bytes(h, w) <= budget) return std::max(h, w);
  std::int64_t tile = std::max(h, w);
  while (tile > kSmallestTile && bytes(std::min(tile, h), std::min(tile, w)) > budget) {
    tile = std::max(kSmallestTile, tile * 3 / 4);
  }
  return tile;
}

}  // namespace

std::int64_t smallest_tile_bytes(std::int64_t h, std::int64_t w, int downscale) {
  const std::int64_t pixels = std::min(h, kSmallestTile) * std::min(w, kSmallestTile) * downscale * downscale;
  return pixels * 2 * (256 + 128) * static_cast<std::int64_t>(sizeof(float));
}

Tensor decode_within(const models::Vae& vae, const Tensor& latent, int downscale, std::int64_t budget,
                     TilingReport* report) {
  const std::int64_t n = latent.dim(0), h = latent.dim(2), w = latent.dim(3);
  const std::int64_t tile =
      fitting_tile(h, w, budget, [&](auto a, auto b) { return vae.decode_bytes(a, b); });
  const std::int64_t th = std::min(tile, h), tw = std::min(tile, w);
  if (report) *report = {tile < std::max(h, w), tile};
  std::vector<Tensor> images;
  for (std::int64_t i = 0; i < n; ++i) {
    const Tensor one = latent.slice(0, i, i + 1);
    if (th == h && tw == w) {
      images.push_back(vae.decode(one));
      continue;
    }
    Canvas canvas(latent.device(), h * downscale, w * downscale, 3);
    for (const std::int64_t top : starts(h, th)) {
      for (const std::int64_t left : starts(w, tw)) {
        const Tensor part = ops::contiguous(one.slice(2, top, top + th).slice(3, left, left + tw));
        canvas.add(vae.decode(part), top * downscale, left * downscale, std::min(th, tw) / 4 * downscale);
      }
    }
    images.push_back(canvas.finish());
  }
  return images.size() == 1 ? images[0] : ops::concat(images, 0);
}

Tensor encode_within(const models::Vae& vae, const Tensor& image, int downscale, std::int64_t budget,
                     TilingReport* report) {
  const std::int64_t n = image.dim(0), h = image.dim(1) / downscale, w = image.dim(2) / downscale;
  const std::int64_t tile =
      fitting_tile(h, w, budget, [&](auto a, auto b) { return vae.encode_bytes(a, b); });
  const std::int64_t th = std::min(tile, h), tw = std::min(tile, w);
  if (report) *report = {tile < std::max(h, w), tile};
  std::vector<Tensor> latents;
  for (std::int64_t i = 0; i < n; ++i) {
    const Tensor one = image.slice(0, i, i + 1);
    if (th == h && tw == w) {
      latents.push_back(vae.encode(one));
      continue;
    }
    std::optional<Canvas> canvas;
    for (const std::int64_t top : starts(h, th)) {
      for (const std::int64_t left : starts(w, tw)) {
        const Tensor part = ops::contiguous(one.slice(1, top * downscale, (top + th) * downscale)
                                                .slice(2, left * downscale, (left + tw) * downscale));
        const Tensor latent = ops::contiguous(vae.encode(part).permute({0, 2, 3, 1}));
        if (!canvas) canvas.emplace(image.device(), h, w, latent.dim(3));
        canvas->add(latent, top, left, std::min(th, tw) / 4);
      }
    }
    latents.push_back(ops::contiguous(canvas->finish().permute({0, 3, 1, 2})));
  }
  return latents.size() == 1 ? latents[0] : ops::concat(latents, 0);
}

}  // namespace dq::pipeline
