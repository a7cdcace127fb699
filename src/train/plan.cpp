#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "grad/checkpoint.h"
#include "pipeline/memory_budget.h"

namespace dq::train {
namespace {

// Of all memory, what blocks may keep: how much a pass takes is known only after one.
constexpr double kShareForBlocks = 0.7;

PassCost timed_pass(Device& device, const models::Denoiser& denoiser, const std::function<StepInput()>& one,
                    const models::BlockRunner& around) {
  const auto start = std::chrono::steady_clock::now();
  denoising_step(denoiser, one(), 1, &around);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const MemoryUse use = device.memory();
  return {took.count(), use.peak, use.now};
}

// What blocks keep for the way back.
struct Kept {
  std::int64_t all = 0, largest = 0;
};

// Runs blocks again on the way back, and counts then what they keep.
models::BlockRunner counting(Device& device, Kept& kept) {
  return [&device, &kept](const models::Block& block, std::vector<Tensor> inputs) {
    const models::Block counted = [&device, &kept, block](const std::vector<Tensor>& in) {
      const std::int64_t before = device.memory().now;
      Tensor y = block(in);
      if (!device.recording()) return y;
      const std::int64_t bytes = device.memory().now - before;
      kept.all += bytes;
      kept.largest = std::max(kept.largest, bytes);
      return y;
    };
    return grad::checkpoint(device, counted, std::move(inputs));
  };
}

}  // namespace

MeasuredPass measure_pass(Device& device, const models::Denoiser& denoiser,
                          const std::function<StepInput()>& one, const TrainRequest& request,
                          std::int64_t memory, const std::function<void()>& forget) {
  const models::BlockRunner once = [&device](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::bounded(device, block, std::move(inputs));
  };
  if (request.checkpointing == Checkpointing::kNever)
    return {timed_pass(device, denoiser, one, once), once, false};
  Kept kept;
  MeasuredPass out;
  out.cost = timed_pass(device, denoiser, one, counting(device, kept));
  out.around = [&device](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::checkpoint(device, block, std::move(inputs));
  };
  if (request.checkpointing == Checkpointing::kAlways) return out;
  const auto fits = [&](const PassCost& cost, double share) {
    return static_cast<double>(plan_run(request, cost, 0, 0, 0).peak_bytes) <=
           share * static_cast<double>(memory);
  };
  PassCost guess = out.cost;
  guess.peak_bytes += kept.all - kept.largest;
  if (!fits(guess, kShareForBlocks)) return out;
  forget();
  const PassCost without = timed_pass(device, denoiser, one, once);
  return fits(without, 1) ? MeasuredPass{without, once, false} : out;
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
    if (request.checkpointing == Checkpointing::kNever) ways += "--checkpointing auto, ";
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
