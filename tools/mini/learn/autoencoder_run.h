#pragma once
// Trains the built-in model's autoencoder on composed pictures: from fresh weights in the shapes of a base
// file to a file of the VAE's tensors whose latents have mean 0 and the deviation that the format expects.
#include <filesystem>
#include <functional>

#include "mini/compose.h"
#include "models/family.h"
#include "weights/component_set.h"

namespace dq::mini {

struct AutoencoderOptions {
  std::uint64_t seed = 1;
  int steps = 6000, batch = 16;
  int crop = 64;              // pixels, a multiple of 16; whole pictures (a quarter of the batch) at the end
  double whole_share = 0.15;  // of the steps, on whole pictures
  double rate = 1e-3;
  int warmup = 100;
  double noise = 0.1;  // deviation of what is added to a latent: neighbours must mean the same picture
  double pull = 1e-4;  // weight of the latents' mean square
  int save_every = 500;
  int normalised_over =
      512;  // pictures that the latents' mean and deviation are taken over, a multiple of 16
  std::filesystem::path output;  // the state lies beside it
  bool resume = false;
  std::function<void(int step, double loss, double seconds)> on_step;
  std::function<bool()> cancelled;
};

// Writes "first_stage_model.…" tensors, f32, to options.output. Throws what reading and writing throw;
// kCancelled after saving.
void train_autoencoder(Device& device, const weights::ComponentSet& base, const Composer& composer,
                       const AutoencoderOptions& options);

struct AutoencoderScore {
  double psnr = 0;  // dB, mean over pictures, of 8-bit RGB
  double worst = 0;
};
// Over `count` compositions from `first` on.
AutoencoderScore score_autoencoder(Device& device, const models::Vae& vae, const Composer& composer,
                                   std::uint64_t first, int count);

}  // namespace dq::mini
