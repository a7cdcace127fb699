#pragma once
// What happens to latents before and after sampling, and under a mask. All latents are [N, C, h, w] f32,
// scaled as the model has them.
#include "sampling/sampler.h"
#include "sampling/sigma_table.h"

namespace dq::sampling {

// A latent with noise of level sigma on it: latent + σ·noise, or (1 − σ)·latent + σ·noise for flow.
Tensor add_noise(const Tensor& latent, const Tensor& noise, double sigma, bool flow);

// The x a sampler starts from. At the table's highest σ (relative 1e-5), eps and v noise is scaled by √(1 +
// σ²) instead of σ, as ComfyUI does: the variance that a latent of unit variance would have.
Tensor initial_latent(const Tensor& latent, const Tensor& noise, double first_sigma, const SigmaTable& table);

// Takes back flow's (1 − σ) when sampling ended above 0, so that another sampler can go on.
Tensor finish_latent(const Tensor& x, double last_sigma, const SigmaTable& table);

// Keeps what a mask leaves out: before each call x becomes m·x + (1 − m)·(latent with noise of level σ),
// after it D becomes m·D + (1 − m)·latent.
struct LatentMask {
  Tensor mask;    // [N or 1, 1, h, w] f32 in [0, 1]; 1: paint anew
  Tensor latent;  // what stays
  Tensor noise;   // the initial noise, or SeededNoise::fresh_mask_noise
};
Denoise masked(Denoise inner, LatentMask mask, bool flow);

}  // namespace dq::sampling
