#pragma once
// Everything that determines a picture, in one plain struct. Written whole into every output; the same
// request gives the same bytes on the same machine with the same number of threads.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/family.h"
#include "pipeline/loras.h"
#include "sampling/noise.h"
#include "text/prompt.h"

namespace dq::pipeline {

// A second pass at a larger size over the first pass's picture (WebUI's "Hires. fix").
struct HiresPass {
  double scale = 0;  // 0: no second pass
  int steps = 0;     // 0: as many as the first pass
  double denoise = 0.7;
  std::string upscaler =
      "latent";  // "latent" (nearest-exact), "latent-bilinear", "latent-bicubic", "lanczos" (pixels)
};

// A control net, the picture it reads, and how much it has to say.
struct ControlUse {
  std::string file, image;
  double strength = 1;
  double start = 0, end = 1;         // the part of the run that it is at work in, as shares of the way
  std::string sha256, image_sha256;  // filled in when they are known

  bool operator==(const ControlUse&) const = default;
};

struct Request {
  // Files, as the person named them. The hashes are filled in when they are known and say which file it
  // really was.
  std::string model, vae, text_encoder;
  std::string model_sha256, vae_sha256;

  std::vector<LoraUse> loras;  // in the order in which they are hung on

  std::vector<ControlUse> controls;

  std::string prompt, negative_prompt;
  text::Reading reading = text::Reading::kComfy;
  bool normalise_mean = true;

  // 0 or empty: the family's default; `resolve` fills them in.
  int width = 0, height = 0;
  int steps = 0;
  double guidance = -1;
  std::string sampler, scheduler;
  int clip_skip = 0;
  std::optional<models::Prediction> prediction;  // overrides what the file tells
  bool zero_terminal_snr = false;                // with an overridden prediction

  std::uint64_t seed = 0;
  int batch = 1;  // pictures made together from one noise stream, as ComfyUI's batch_size
  sampling::NoiseStream noise = sampling::NoiseStream::kCpu;  // kCuda: the numbers an NVIDIA card would draw
  bool noise_per_image =
      false;       // picture i of a batch has its own seed + i (WebUI) instead of sharing one stream
  double eta = 1;  // how much noise stochastic samplers add back

  // img2img and inpainting.
  std::string init_image, mask_image;
  std::string init_sha256, mask_sha256;  // of the files, filled in when they are read
  double denoise = 1;
  int mask_blur = 4;  // pixels, standard deviation

  HiresPass hires;
  Precision precision = Precision::kF32;
};

// Fills every default from the family and checks every range. Sizes are rounded up to whole latent cells.
// Throws kInvalidArgument naming the option, its range and, for names, the near ones.
Request resolve(Request request, const models::Family& family, const models::Variant& variant);

// The whole request as JSON text with a "version"; reading accepts every version it knows and throws kBadFile
// for others, for unknown enumerators and for values of a wrong type.
std::string to_json(const Request& request);
Request request_from_json(const std::string& text);

}  // namespace dq::pipeline
