#include "train/plan.h"

#include <fmt/format.h>

#include <chrono>

#include "base/error.h"
#include "pipeline/memory_budget.h"

namespace dq::train {
PassCost measure_pass(Device& device, const models::Denoiser& denoiser, const StepInput& one,
                      const models::BlockRunner* around) {
  const auto start = std::chrono::steady_clock::now();
  denoising_step(denoiser, one, 1, around);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const MemoryUse use = device.memory();
  return {took.count(), use.peak, use.now};
}

Plan plan_run(const TrainRequest& request, const PassCost& pass, std::int64_t steps, std::int64_t state_bytes,
              std::int64_t file_bytes) {
  Plan out;
  out.seconds_per_step = pass.seconds * request.batch * request.accumulation;
  out.peak_bytes = pass.after_bytes + (pass.peak_bytes - pass.after_bytes) * request.batch;
  out.steps = steps;
  const std::int64_t kept = request.keep_every > 0 ? (request.steps - 1) / request.keep_every : 0;
  // A state is written beside the one before, and takes its place when it is whole.
  out.disk_bytes = 2 * state_bytes + (kept + 1) * file_bytes;
  return out;
}

void check_plan(const Plan& plan, const TrainRequest& request, std::int64_t memory,
                const std::filesystem::path& folder) {
  if (plan.peak_bytes > memory) {
    std::string ways = request.batch > 1 ? "a smaller --batch (with --accumulate), " : "";
    if (request.checkpointing == false) ways += "no --no-checkpointing, ";
    if (request.target == Target::kFull && request.optimizer == "adamw") ways += "--optimizer adamw8bit, ";
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("a step needs about {}, {} are free", pipeline::memory_text(plan.peak_bytes),
                            pipeline::memory_text(memory)))
        .hint(fmt::format("Use {}a smaller --resolution, or close other programs.", ways));
  }
  std::error_code failed;
  const std::filesystem::space_info disk = std::filesystem::space(folder.empty() ? "." : folder, failed);
  if (!failed && disk.available < static_cast<std::uintmax_t>(plan.disk_bytes)) {
    throw Error(ErrorCode::kDiskFull,
                fmt::format("the run writes up to {}, {} are free", pipeline::memory_text(plan.disk_bytes),
                            pipeline::memory_text(static_cast<std::int64_t>(disk.available))))
        .in(folder.string())
        .hint("Make room, write to another disk with --output, or keep fewer files with --keep-every 0.");
  }
}

}  // namespace dq::train
