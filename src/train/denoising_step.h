#pragma once
// One pass of training through a denoiser.
#include "models/family.h"
#include "train/objective.h"

namespace dq::train {

struct StepInput {
  NoisedBatch batch;
  Tensor context;  // [N, T, D]
  Tensor pooled;   // [N, P] or undefined
  // What a control net reads, and that net, when one is trained.
  Tensor control_pictures;  // [N, H, W, 3] in [0, 1]
  const models::ControlNet* control_net = nullptr;
  Tensor mask;  // [N, 1, h, w] in [0, 1]: where the error counts; undefined: everywhere
  // Rows, in order, that shall stay as they are: their target is what the denoiser says of them without its
  // adapters. The texts as the encoder reads them without its own, of context's and pooled's shapes;
  // undefined: the same.
  std::vector<std::int64_t> held;
  Tensor own_context, own_pooled;
};

// A control net at full strength on these pictures; none when it is null.
std::vector<models::Control> controls_of(const models::ControlNet* net, const Tensor& pictures);

// The loss, mean over all numbers of weight·mask·(output − target)², whose gradient times `share` is added to
// every leaf the denoiser depends on. `around` runs its blocks; null: they keep what they need.
double denoising_step(const models::Denoiser& denoiser, const StepInput& input, double share,
                      const models::BlockRunner* around);

}  // namespace dq::train
