#include "pipeline/denoising_pass.h"

#include <cmath>

#include "ops/elementwise.h"

namespace dq::pipeline {

using sampling::Denoised;
using sampling::Sampler;

Tensor run_pass(const DenoisingPass& pass, sampling::SeededNoise& noise) {
  return run_pass(pass, noise, noise.initial(pass.latent.shape()));
}

Tensor run_pass(const DenoisingPass& pass, sampling::SeededNoise& noise, const Tensor& initial_noise) {
  if (pass.sigmas.size() < 2) return pass.latent;  // nothing is to be done
  const Sampler& sampler = *pass.sampler;
  sampling::Guidance guidance = pass.guidance;
  guidance.keep_uncond = sampler.needs_uncond;
  const sampling::ModelWrapper model(pass.denoiser, pass.table, pass.prediction);
  const sampling::GuidedDenoiser guided(model, guidance, pass.latent.dim(0));
  sampling::Denoise denoise = [&guided](const Tensor& x, double sigma) { return guided(x, sigma); };
  if (pass.mask) {
    const Tensor under =
        sampler.fresh_mask_noise ? noise.fresh_mask_noise(pass.latent.shape()) : initial_noise;
    denoise = sampling::masked(std::move(denoise), {*pass.mask, pass.latent, under}, pass.table.is_flow());
  }
  const sampling::SamplerInput input{
      .x = sampling::initial_latent(pass.latent, initial_noise, pass.sigmas.front(), pass.table),
      .sigmas = pass.sigmas,
      .denoise = std::move(denoise),
      .noise = noise,
      .options = pass.options,
      .prediction = pass.prediction,
      .flow_first_sigma = pass.table.is_flow() ? pass.table.percent_to_sigma(1e-4) : 0.9999,
      .on_step = pass.on_step};
  const Tensor x = sampling::sample(sampler, input);
  return sampling::finish_latent(x, pass.sigmas.back(), pass.table);
}

Tensor inpaint_input(const Tensor& mask, const Tensor& masked_latent) {
  Tensor rounded = ops::copied(mask);
  for (std::int64_t i = 0; i < rounded.count(); ++i) {
    float& value = rounded.data<float>()[i];
    value = std::nearbyint(value);
  }
  const std::vector<Tensor> repeated(static_cast<std::size_t>(masked_latent.dim(0) / rounded.dim(0)),
                                     rounded);
  return ops::concat({ops::concat(repeated, 0), masked_latent}, 1);
}

Tensor inpaint_input_without_picture(Device& device, const models::LatentFormat& format, std::int64_t images,
                                     std::int64_t h, std::int64_t w) {
  Tensor out = Tensor::empty(device, DType::kF32, {images, 1 + format.channels, h, w});
  float* to = out.data<float>();
  for (std::int64_t n = 0; n < images; ++n) {
    to = std::fill_n(to, h * w, 1.0f);
    for (const float level : format.gray) to = std::fill_n(to, h * w, level);
  }
  return out;
}

}  // namespace dq::pipeline
