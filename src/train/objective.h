#pragma once
// What one step of training asks the denoiser: noised latents, what it should have said, and how much each of
// them counts. Formulas: Ho et al. 2020 (ε), Salimans & Ho 2022 (v), Lipman et al. 2023 and Esser et al. 2024
// (flow), Hang et al. 2023 (min-SNR), Lin et al. 2023 (v and zero terminal SNR).
#include <cstdint>
#include <string>
#include <vector>

#include "grad/losses.h"
#include "sampling/sigma_table.h"
#include "tensor/tensor.h"

namespace dq::train {

// How the error of a sample is weighted by its noise level. With SNR = ᾱ/(1 − ᾱ):
enum class Weighting : std::uint8_t {
  kUniform,
  kMinSnr,    // ε: min(SNR, γ)/SNR; v: min(SNR, γ)/(SNR + 1)
  kDebiased,  // ε: 1/√min(SNR, 1000); v: 1/(SNR + 1), as sd-scripts has it (OneTrainer: its square root)
};

// Where the Huber losses turn from square to linear, as sd-scripts has it: c everywhere;
// exp(−t·ln(1/c)/1000); (1 − c)/(1 + σ)² + c.
enum class HuberSchedule : std::uint8_t { kConstant, kExponential, kSnr };

// How flow models draw the time, before the shift.
enum class FlowTimes : std::uint8_t { kUniform, kLogitNormal, kMode };

struct ObjectiveOptions {
  models::Prediction prediction = models::Prediction::kEps;
  Weighting weighting = Weighting::kMinSnr;
  double gamma = 5;
  grad::LossKind loss = grad::LossKind::kMse;
  double huber_c = 0.1;
  HuberSchedule huber_schedule = HuberSchedule::kSnr;
  double noise_offset = 0;        // added to the noise: this times one normal number a sample and channel
  double input_perturbation = 0;  // extra noise in the input only (Ning et al. 2023)
  bool v_like_eps = false;        // v errors weighted as ε errors are: SNR/(SNR + 1)
  double first = 0, last = 1;     // the share of the training steps that times are drawn from
  FlowTimes flow_times = FlowTimes::kLogitNormal;
  double flow_mean = 0, flow_deviation = 1;  // of the logit-normal
  double flow_shift = 1;                     // t ← s·t/(1 + (s − 1)·t)
};

struct NoisedBatch {
  Tensor input;                   // as the network takes it, [N, C, h, w]
  Tensor target;                  // ε, v, or noise − latent
  std::vector<double> timesteps;  // N
  std::vector<double> weights;    // N
  grad::LossKind loss = grad::LossKind::kMse;
  std::vector<double> c;  // N: of the loss
};

// latents: [N, C, h, w] f32 in model space. Times and noise are a function of (seed, step, row + first_row):
// a row is the same whatever batch it stands in.
NoisedBatch noise_batch(const Tensor& latents, const sampling::SigmaTable& table,
                        const ObjectiveOptions& options, std::uint64_t seed, std::uint64_t step,
                        std::uint64_t first_row = 0);

// The same at a given time: validation. `timesteps`: one a row; training steps, or 1000·t for flow.
NoisedBatch noise_batch_at(const Tensor& latents, const sampling::SigmaTable& table,
                           const ObjectiveOptions& options, const std::vector<double>& timesteps,
                           std::uint64_t seed);

// The weight of one sample at this SNR.
double sample_weight(const ObjectiveOptions& options, double snr);

}  // namespace dq::train
