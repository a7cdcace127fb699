#include "pipeline/picture_inputs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "media/codec.h"
#include "media/masks.h"
#include "media/resize.h"

namespace dq::pipeline {
namespace {

media::Image read_and_check(const std::string& path, std::string& sha256) {
  const auto file = MappedFile::open(path);
  const std::string hash = sha256_hex(file->bytes());
  if (!sha256.empty() && sha256 != hash) {
    throw Error(ErrorCode::kBadFile, "this picture is not the one that the request was made with")
        .in(path)
        .hint("Give the picture you mean with --init, --mask or --control-image");
  }
  sha256 = hash;
  try {
    return media::decode_image(file->bytes());
  } catch (Error& error) {
    throw error.in(path);
  }
}

}  // namespace

media::Image adopt_picture_size(Request& request, int cell) {
  if (request.init_image.empty() || request.width != 0 || request.height != 0) return {};
  media::Image image = read_and_check(request.init_image, request.init_sha256);
  request.width = std::max(cell, (image.width + cell / 2) / cell * cell);
  request.height = std::max(cell, (image.height + cell / 2) / cell * cell);
  return image;
}

PictureInputs read_pictures(Request& request, Device& device, media::Image init) {
  PictureInputs inputs;
  if (!request.init_image.empty()) {
    if (init.pixels.empty()) init = read_and_check(request.init_image, request.init_sha256);
    const media::Image image = media::flatten(std::exchange(init, {}));
    inputs.original = media::fit(image, request.width, request.height, media::Fit::kCrop);
    inputs.image = media::to_tensor(device, inputs.original);
  }
  if (!request.mask_image.empty()) {
    const media::Image image = read_and_check(request.mask_image, request.mask_sha256);
    const media::Image sized =
        media::fit(image, request.width, request.height, media::Fit::kCrop, media::ResizeFilter::kBilinear);
    inputs.mask = media::blur_mask(media::mask_from_image(device, sized), request.mask_blur);
  }
  // Control pictures are drawn on black; what is see-through says nothing.
  for (ControlUse& use : request.controls)
    inputs.controls.push_back(media::flatten(read_and_check(use.image, use.image_sha256), {0, 0, 0}));
  return inputs;
}

media::Image keep_outside_mask(const media::Image& painted, const PictureInputs& inputs) {
  media::Image out = painted;
  const float* mask = inputs.mask.data<float>();
  for (std::size_t i = 0; i < out.pixels.size(); ++i) {
    const float m = mask[i / 3];
    const float value =
        m * static_cast<float>(painted.pixels[i]) + (1 - m) * static_cast<float>(inputs.original.pixels[i]);
    out.pixels[i] = static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5f), 0.0f, 255.0f));
  }
  return out;
}

}  // namespace dq::pipeline
