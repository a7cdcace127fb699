#pragma once
// A network that was trained to predict noise, v or a velocity, as the denoiser D(x, σ) that samplers ask.
//
//            c_in         timestep     D(x, σ), out = network(c_in·x, timestep)
//   eps      1/√(σ²+1)    table        x − σ·out
//   v        1/√(σ²+1)    table        x/(σ²+1) − out·σ/√(σ²+1)             (Salimans & Ho 2022)
//   flow     1            1000·σ       x − σ·out                            (Esser et al. 2024)
#include <limits>
#include <vector>

#include "models/family.h"
#include "sampling/sigma_table.h"

namespace dq::sampling {

// A control net, and the part of a run that it is at work in: sigma_end ≤ σ ≤ sigma_start.
struct TimedControl {
  models::Control control;
  double sigma_start = std::numeric_limits<double>::infinity(), sigma_end = 0;
};

class ModelWrapper {
 public:
  // Both outlive the wrapper. `prediction` may differ from what detection guessed: a person may override it.
  ModelWrapper(const models::Denoiser& denoiser, const SigmaTable& table, models::Prediction prediction);

  // The other inputs of a call, one row an image of x.
  struct Conditions {
    Tensor context;  // [N, T, D]
    Tensor pooled;   // [N, P] or undefined
    Tensor concat;   // [N, C2, h, w] or undefined
    std::vector<TimedControl> controls = {};
  };

  // x: [N, C, h, w] f32; returns D of the same shape.
  Tensor operator()(const Tensor& x, double sigma, const Conditions& conditions) const;

  const SigmaTable& table() const { return table_; }
  models::Prediction prediction() const { return prediction_; }

 private:
  const models::Denoiser& denoiser_;
  const SigmaTable& table_;
  models::Prediction prediction_;
};

}  // namespace dq::sampling
