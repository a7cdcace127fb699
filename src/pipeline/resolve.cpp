// Defaults and ranges of a Request.
#include <fmt/format.h>

#include <cmath>

#include "base/check_range.h"
#include "pipeline/request.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"

namespace dq::pipeline {
namespace {

constexpr int kMaxSide = 16384, kMaxSteps = 10000, kMaxBatch = 64, kMaxClipSkip = 64;

int whole_cells(int pixels, int cell) {
  return (pixels + cell - 1) / cell * cell;
}

void fill_defaults(Request& r, const models::Defaults& d) {
  if (r.width == 0) r.width = d.width;
  if (r.height == 0) r.height = d.height;
  if (r.steps == 0) r.steps = d.steps;
  if (r.guidance < 0) r.guidance = d.guidance;
  if (r.sampler.empty()) r.sampler = d.sampler;
  if (r.clip_skip == 0) r.clip_skip = d.clip_skip;
}

// "DPM++ 2M Karras" of older programs names both; an explicit scheduler wins.
void resolve_names(Request& r, const models::Defaults& d) {
  const sampling::SamplerChoice choice = sampling::parse_sampler(r.sampler);
  r.sampler = choice.sampler->name;
  if (r.scheduler.empty()) r.scheduler = choice.scheduler;
  if (r.scheduler.empty()) r.scheduler = d.scheduler;
  r.scheduler = sampling::find_scheduler(r.scheduler).name;
}

void check_hires(const HiresPass& hires) {
  if (hires.scale == 0) return;
  check_range("--hires", hires.scale, 1.0, 8.0);
  check_range("--hires-steps", hires.steps, 0, kMaxSteps);
  check_range("--hires-denoise", hires.denoise, 0.0, 1.0);
  const std::string& u = hires.upscaler;
  if (u != "latent" && u != "latent-bilinear" && u != "latent-bicubic" && u != "lanczos") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("there is no upscaler called {}", printable(u)))
        .hint(
            "There are latent, latent-bilinear, latent-bicubic and lanczos; upscaler models are not "
            "supported yet");
  }
}

void check_controls(const std::vector<ControlUse>& controls) {
  for (const ControlUse& use : controls) {
    check_range("--control's strength", use.strength, 0.0, 10.0);
    check_range("--control-start", use.start, 0.0, 1.0);
    check_range("--control-end", use.end, use.start, 1.0);
    if (!use.image.empty()) continue;
    throw Error(ErrorCode::kInvalidArgument, "a control net needs the picture that it is to follow")
        .in(use.file)
        .hint("Give it with --control-image");
  }
}

}  // namespace

Request resolve(Request request, const models::Family& family, const models::Variant& variant) {
  const models::Defaults defaults = family.defaults(variant);
  fill_defaults(request, defaults);
  resolve_names(request, defaults);
  const int cell = family.latent_format().downscale;
  check_range("the width", request.width, cell, kMaxSide);
  check_range("the height", request.height, cell, kMaxSide);
  request.width = whole_cells(request.width, cell);
  request.height = whole_cells(request.height, cell);
  check_range("--steps", request.steps, 1, kMaxSteps);
  check_range("--cfg", request.guidance, 0.0, 100.0);
  check_range("--clip-skip", request.clip_skip, 1, kMaxClipSkip);  // the encoder has fewer layers
  check_range("--denoise", request.denoise, 0.0, 1.0);
  check_range("--batch", request.batch, 1, kMaxBatch);
  check_range("--eta", request.eta, 0.0, 2.0);
  check_range("--mask-blur", request.mask_blur, 0, 256);
  check_hires(request.hires);
  check_controls(request.controls);
  if (!request.mask_image.empty() && request.init_image.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--mask needs the picture it belongs to")
        .hint("Give it with --init");
  }
  if (request.denoise < 1 && request.init_image.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--denoise below 1 needs a picture to start from")
        .hint("Give it with --init");
  }
  return request;
}

}  // namespace dq::pipeline
