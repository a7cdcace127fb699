#pragma once
// One run of a sampler: from noise (on a picture or on nothing) to a latent.
#include <functional>

#include "sampling/cfg.h"
#include "sampling/latent.h"

namespace dq::pipeline {

struct DenoisingPass {
  const models::Denoiser& denoiser;
  const sampling::SigmaTable& table;
  models::Prediction prediction{};
  sampling::Guidance guidance;
  const sampling::Sampler* sampler = nullptr;
  std::vector<double> sigmas;
  sampling::SamplerOptions options;
  Tensor latent;               // what is under the noise, in model space; zeros for txt2img
  std::optional<Tensor> mask;  // [1, 1, h, w]: 1 paints anew, 0 keeps `latent`
  std::function<void(const sampling::StepInfo&)> on_step;
};

// Returns the latent in model space. `noise` gives the initial noise first, then what the sampler asks for.
Tensor run_pass(const DenoisingPass& pass, sampling::SeededNoise& noise);
// The same with the initial noise given.
Tensor run_pass(const DenoisingPass& pass, sampling::SeededNoise& noise, const Tensor& initial_noise);

// The extra input of a denoiser that takes latent, mask and masked picture: [N, 1 + C, h, w] = the mask
// (rounded; 1 = repaint) and the masked picture's latent in model space.
Tensor inpaint_input(const Tensor& mask, const Tensor& masked_latent);
// The same when there is no picture: everything is to be painted, over gray.
Tensor inpaint_input_without_picture(Device& device, const models::LatentFormat& format, std::int64_t images,
                                     std::int64_t h, std::int64_t w);

}  // namespace dq::pipeline
