#pragma once
// Samplers: ways from noise to a picture by asking a denoiser at falling noise levels. Formulas are those of
// k-diffusion (Crowson) and ComfyUI; each file cites its paper. To add one: one file with one function
// (declared in samplers.h) and one row in sampler.cpp.
//
// In all of them D(x, σ) is the denoiser's guess of the clean latent, and x holds noise of level σ.
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/family.h"
#include "sampling/noise.h"
#include "tensor/tensor.h"

namespace dq::sampling {

struct Denoised {
  Tensor value;   // D(x, σ), [N, C, h, w] f32
  Tensor uncond;  // the same without the prompt; undefined unless the sampler needs it
};

using Denoise = std::function<Denoised(const Tensor& x, double sigma)>;

// Told before each update of x. Throwing (kCancelled) ends the sampling.
struct StepInfo {
  int step, steps;         // 0 … steps − 1
  double sigma;            // of x
  const Tensor& x;         // the latent that the model saw
  const Tensor& denoised;  // what it made of it: the live preview
};

struct SamplerOptions {
  double eta = 1;      // share of the noise that ancestral and SDE samplers renew: 0 none
  double s_noise = 1;  // scale of that noise
  // Karras et al. 2022, algorithm 2: noise put in before a step of euler, heun, dpm_2.
  double s_churn = 0, s_tmin = 0, s_tmax = std::numeric_limits<double>::infinity();
};

struct SamplerInput {
  Tensor x;                    // [N, C, h, w] f32, noise of level sigmas[0] on it
  std::vector<double> sigmas;  // falling, each ≥ 0; a single one or none: nothing happens
  Denoise denoise = {};
  NoiseSource& noise;
  SamplerOptions options = {};
  models::Prediction prediction = models::Prediction::kEps;
  // Flow only: replaces a first level of 1 where a sampler needs ln((1 − σ)/σ): σ after 0.01 % of the way.
  double flow_first_sigma = 0.9999;
  std::function<void(const StepInfo&)> on_step = {};
};

struct Sampler {
  std::string_view name;   // ComfyUI's: "dpmpp_2m_sde"
  std::string_view label;  // WebUI's: "DPM++ 2M SDE"; empty when it has none
  Tensor (*run)(const SamplerInput& input);
  NoiseKind noise = NoiseKind::kNone;
  int model_calls = 1;             // per step, all steps but the last
  bool drops_penultimate = false;  // wants the level before 0 left out (ScheduleRequest)
  bool needs_uncond = false;       // reads Denoised::uncond
  bool fresh_mask_noise = false;   // under a mask: SeededNoise::fresh_mask_noise instead of the initial noise
  std::string_view automatic = "normal";  // the scheduler of WebUI's "Automatic"
};

// Every sampler, in the order in which they are shown.
std::span<const Sampler> samplers();

// By name or label, in any case; throws kInvalidArgument listing near names.
const Sampler& find_sampler(std::string_view name);

// Old WebUI labels joined both choices: "DPM++ 2M SDE Karras".
struct SamplerChoice {
  const Sampler* sampler;
  std::string_view scheduler;  // a Scheduler's name; empty when the text names none
};
SamplerChoice parse_sampler(std::string_view text);

// Runs a sampler: checks the input, starts its noise, returns the latent at the last level.
Tensor sample(const Sampler& sampler, const SamplerInput& input);

}  // namespace dq::sampling
