#pragma once
// The noise levels a model knows: σ by training step, and the ways between σ, timestep and progress.
//
//   eps, v   ᾱ_i = Π(1 − β_k), σ_i = √((1 − ᾱ_i)/ᾱ_i)           x = x0 + σ·ε          (Ho et al. 2020)
//   flow     σ_i = s·t/(1 + (s − 1)·t), t = (i + 1)/steps       x = (1 − σ)·x0 + σ·ε  (Esser et al. 2024)
#include <span>
#include <vector>

#include "models/family.h"

namespace dq::sampling {

class SigmaTable {
 public:
  SigmaTable(const models::TrainingSchedule& schedule, models::Prediction prediction);

  // Rising with the training step, each a float's value.
  std::span<const float> sigmas() const { return sigmas_; }
  double sigma_min() const { return sigmas_.front(); }
  double sigma_max() const { return sigmas_.back(); }
  bool is_flow() const { return flow_; }

  // What the network is told: the nearest training step (eps, v), or 1000·σ (flow).
  double timestep(double sigma) const;
  // σ at a timestep that may be fractional: linear between neighbours in ln σ (eps, v), the shift rule
  // (flow).
  double sigma(double timestep) const;
  // σ after this share of the way, 0 … 1, as node options count it. Above every σ at 0, and 0 at 1.
  double percent_to_sigma(double percent) const;

 private:
  double shifted(double t) const;

  bool flow_;
  double shift_;
  std::vector<float> sigmas_, log_sigmas_;  // log_sigmas_ is empty for flow
};

}  // namespace dq::sampling
