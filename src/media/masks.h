#pragma once
// Where to paint anew: [1, 1, H, W] f32 in [0, 1], 1 = repaint.
#include "media/image.h"

namespace dq::media {

enum class MaskSource : std::uint8_t {
  kAuto,   // kAlpha for a picture in colour with holes, else kLuma
  kLuma,   // white repaints; transparent pixels count as black
  kAlpha,  // transparent pixels repaint: 1 − alpha, as ComfyUI's LoadImage has it
};

Tensor mask_from_image(Device& device, const Image& image, MaskSource source = MaskSource::kAuto);

// A gray picture of a mask, rounded.
Image mask_to_image(const Tensor& mask);

// 1 where mask ≥ level, else 0.
Tensor threshold_mask(const Tensor& mask, float level = 0.5f);

Tensor invert_mask(const Tensor& mask);

// Gaussian, `sigma` in pixels, cut at ⌊2.5·sigma + ½⌋ and mirrored at the edges (the edge pixel is not
// repeated), as WebUI's mask blur does with OpenCV. sigma ≤ 0 changes nothing.
Tensor blur_mask(const Tensor& mask, double sigma);

// The maximum over a square of 2·|pixels| + 1, or the minimum when `pixels` is negative.
Tensor grow_mask(const Tensor& mask, int pixels);

}  // namespace dq::media
