#pragma once
// What a run will take, told before its first step: measured on one real pass over the largest bucket.
#include <cstdint>
#include <filesystem>
#include <functional>

#include "tensor/device.h"
#include "train/denoising_step.h"
#include "train/request.h"

namespace dq::train {

struct Plan {
  double seconds_per_step = 0;
  std::int64_t peak_bytes = 0;  // of tensors: weights, the optimiser's memory, activations
  std::int64_t disk_bytes = 0;  // that the run will have written at most, beside what is there
  std::int64_t steps = 0;       // still to do
};

// What one pass over one picture took.
struct PassCost {
  double seconds = 0;
  // At the worst moment, everything that was alive; at most too high, when encoding the pictures took more.
  std::int64_t peak_bytes = 0;
  std::int64_t after_bytes = 0;  // with the gradients, before they are let go
};

// How a run goes through the blocks, and what a pass costs so.
struct MeasuredPass {
  PassCost cost;
  models::BlockRunner around;
  bool again = true;  // blocks run again on the way back
};
// Measures one pass the way the request says. With kAuto first with blocks that run again, counting what they
// would keep; when all of that fits into seven tenths of `memory` for a whole batch, a pass that keeps it is
// measured and, if it does fit, taken: it is faster and gives the same numbers. `one` makes the input of a
// pass over one picture, which may run the text encoder: that counts too. `forget` lets go of a pass's
// gradients.
MeasuredPass measure_pass(Device& device, const models::Denoiser& denoiser,
                          const std::function<StepInput()>& one, const TrainRequest& request,
                          std::int64_t memory, const std::function<void()>& forget);

// Activations grow with the batch, everything else does not; time grows with batch and accumulation.
Plan plan_run(const TrainRequest& request, const PassCost& pass, std::int64_t steps, std::int64_t state_bytes,
              std::int64_t file_bytes);

// Throws kOutOfMemory or kDiskFull with the numbers and ways out when the plan needs more than there is.
// `memory`: bytes for tensors, those that are alive included. `folder`: where the run writes.
void check_plan(const Plan& plan, const TrainRequest& request, std::int64_t memory,
                const std::filesystem::path& folder);

}  // namespace dq::train
