#pragma once
// What a run will take, told before its first step: measured on real passes over the largest bucket.
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "pipeline/model_files.h"
#include "tensor/device.h"
#include "train/denoising_step.h"
#include "train/request.h"

namespace dq::train {

struct Plan {
  double seconds_per_step = 0;
  std::int64_t peak_bytes = 0;     // of tensors: weights, the optimiser's memory, activations
  std::int64_t picture_bytes = 0;  // of these, for each picture of a batch
  std::int64_t disk_bytes = 0;     // that the run will have written at most, beside what is there
  std::int64_t steps = 0;          // still to do
  bool checkpointing = true;       // blocks run again on the way back
};

// What one pass over one picture took.
struct PassCost {
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

// Bytes that a run holds as long as it lasts, told from names and shapes before anything is loaded: what is
// frozen; and of every weight that is trained its value, its gradient, its average and what the optimiser
// remembers. It is the least: adapters count nothing.
std::int64_t standing_bytes(const pipeline::OpenModel& model, const TrainRequest& request,
                            Precision precision);
// Throws kOutOfMemory with the numbers and ways out when that is more than `memory`.
void check_standing(std::int64_t standing, const TrainRequest& request, std::int64_t memory);
// What to say of a run that asked for more than `memory` before its plan was made.
Error too_large(const TrainRequest& request, std::int64_t memory);

// Measures one pass the way the request says. With kAuto first with blocks that run again, counting what they
// would keep; when all of that fits into seven tenths of `memory` for a whole batch, a pass that keeps it is
// measured and, if it does fit, taken: it is faster and gives the same numbers. `one` makes the input of a
// pass over one picture, which may run the text encoder: that counts too. `forget` lets go of a pass's
// gradients.
MeasuredPass measure_pass(Device& device, const models::Denoiser& denoiser,
                          const std::function<StepInput()>& one, const TrainRequest& request,
                          std::int64_t memory, const std::function<void()>& forget);

// Seconds of a pass: the second of two, for what is only made once is not to count. `batch` makes the input
// of a whole batch.
double timed_pass(const models::Denoiser& denoiser, const std::function<StepInput()>& batch,
                  const models::BlockRunner& around, const std::function<void()>& forget);

// What the run writes and is not on the disk yet.
struct NewOnDisk {
  std::int64_t state = 0;  // bytes of states: one is written beside the one before, and then takes its place
  std::int64_t file = 0;   // bytes of every file that is kept
};

// Activations grow with the batch, everything else does not. How long a step takes is left open. `steps`:
// still to do.
Plan plan_run(const TrainRequest& request, const PassCost& pass, std::int64_t steps, const NewOnDisk& disk);

// Throws kOutOfMemory or kDiskFull with the numbers and ways out when the plan needs more than there is; of
// batches, the largest that fits. None of them is taken by itself: what is free at the moment must not change
// the file that a seed gives.
// `memory`: bytes for tensors, those that are alive included. `folder`: where the run writes.
void check_plan(const Plan& plan, const TrainRequest& request, std::int64_t memory,
                const std::filesystem::path& folder);

}  // namespace dq::train
