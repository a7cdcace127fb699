#pragma once
// One pass of training through a denoiser.
#include "models/family.h"
#include "train/objective.h"

namespace dq::train {

struct StepInput {
  NoisedBatch batch;
  Tensor context;  // [N, T, D]
  Tensor pooled;   // [N, P] or undefined
  Tensor mask;     // [N, 1, h, w] in [0, 1]: where the error counts; undefined: everywhere
};

// The loss, mean over all numbers of weight·mask·(output − target)², whose gradient times `share` is added to
// every leaf the denoiser depends on. `around` runs its blocks; null: they keep what they need.
double denoising_step(const models::Denoiser& denoiser, const StepInput& input, double share,
                      const models::BlockRunner* around);

}  // namespace dq::train
