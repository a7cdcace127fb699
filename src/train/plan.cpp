#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "grad/checkpoint.h"
#include "grad/optimizer.h"
#include "pipeline/memory_budget.h"
#include "weights/packed_bytes.h"

namespace dq::train {
namespace {

// Of all memory, what blocks may keep: how much a pass takes is known only after one.
constexpr double kShareForBlocks = 0.7;
constexpr int kSmallRank = 16;  // below which an adapter's own weights are next to nothing

PassCost cost_of_pass(Device& device, const models::Denoiser& denoiser, const std::function<StepInput()>& one,
                      const models::BlockRunner& around) {
  denoising_step(denoiser, one(), 1, &around);
  const MemoryUse use = device.memory();
  return {use.peak, use.now};
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

// How the run could hold less: "--optimizer adamw8bit, ".
std::string smaller_network(const TrainRequest& r) {
  const bool adapter = r.target == Target::kLora;
  std::string ways;
  if (r.checkpointing == Checkpointing::kNever) ways += "--checkpointing auto, ";
  if (adapter && r.network.rank > kSmallRank) ways += "a smaller --rank, ";
  if (!adapter && grad::bytes_a_weight(r.optimizer) > grad::bytes_a_weight("adamw8bit"))
    ways += "--optimizer adamw8bit, ";
  if (!adapter && r.average > 0) ways += "no --average, ";
  if (r.target == Target::kFull) ways += "`danqing train lora` instead, ";
  return ways;
}

// "--batch 1 --accumulate 4 (about 3.9 GB), ": as many pictures a step, fewer at once. Empty when not even
// one at once fits.
std::string smaller_batch(const Plan& plan, const TrainRequest& request, std::int64_t memory) {
  for (int batch = request.batch / 2; batch >= 1; --batch) {
    const std::int64_t needed = plan.peak_bytes - (request.batch - batch) * plan.picture_bytes;
    if (request.batch % batch != 0 || needed > memory) continue;
    return fmt::format("--batch {} --accumulate {} (about {}), ", batch,
                       request.accumulation * (request.batch / batch), pipeline::memory_text(needed));
  }
  return "";
}

}  // namespace

std::int64_t standing_bytes(const pipeline::OpenModel& model, const TrainRequest& r, Precision precision) {
  constexpr std::int64_t kValue = 4, kGradient = 4;
  const std::int64_t each =
      kValue + kGradient + grad::bytes_a_weight(r.optimizer) + (r.average > 0 ? kValue : 0);
  if (r.target == Target::kFull) {
    std::int64_t trained = 0;
    for (const models::StoredPart& stored : model.family->stored_parts(model.files)) {
      const bool text = stored.part == models::ModelPart::kTextEncoder && r.train_text_encoder;
      if (stored.part == models::ModelPart::kDenoiser || text) trained += weights::numbers(stored.table);
    }
    return each * trained;
  }
  const models::Footprint all = model.family->footprint(model.files, precision);
  const std::int64_t frozen = all.denoiser + (learns_through_text(r) ? all.text_encoder : 0);
  if (r.target != Target::kControlNet) return frozen;
  const weights::TensorTable start =
      r.control_start.empty() ? weights::TensorTable() : weights::open_table(r.control_start);
  return frozen + each * model.family->control_footprint(start, model.files, precision).numbers;
}

void check_standing(std::int64_t standing, const TrainRequest& request, std::int64_t memory) {
  if (standing <= memory) return;
  throw Error(ErrorCode::kOutOfMemory,
              fmt::format("what is trained and what it needs beside it take at least {}, {} are free",
                          pipeline::memory_text(standing), pipeline::memory_text(memory)))
      .hint(fmt::format("Use {}a smaller model, or close other programs.", smaller_network(request)));
}

Error too_large(const TrainRequest& request, std::int64_t memory) {
  return Error(ErrorCode::kOutOfMemory,
               fmt::format("a step needs more than the {} that are free", pipeline::memory_text(memory)))
      .hint(fmt::format("Use {}a smaller --resolution, or close other programs.", smaller_network(request)));
}

MeasuredPass measure_pass(Device& device, const models::Denoiser& denoiser,
                          const std::function<StepInput()>& one, const TrainRequest& request,
                          std::int64_t memory, const std::function<void()>& forget) {
  const models::BlockRunner once = [&device](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::bounded(device, block, std::move(inputs));
  };
  if (request.checkpointing == Checkpointing::kNever)
    return {cost_of_pass(device, denoiser, one, once), once, false};
  Kept kept;
  MeasuredPass out;
  out.cost = cost_of_pass(device, denoiser, one, counting(device, kept));
  out.around = [&device](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::checkpoint(device, block, std::move(inputs));
  };
  if (request.checkpointing == Checkpointing::kAlways) return out;
  const auto fits = [&](const PassCost& cost, double share) {
    return static_cast<double>(plan_run(request, cost, 0, {}).peak_bytes) <=
           share * static_cast<double>(memory);
  };
  PassCost guess = out.cost;
  guess.peak_bytes += kept.all - kept.largest;
  if (!fits(guess, kShareForBlocks)) return out;
  forget();
  try {
    const PassCost without = cost_of_pass(device, denoiser, one, once);
    if (fits(without, 1)) return {without, once, false};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
  }
  return out;
}

double timed_pass(const models::Denoiser& denoiser, const std::function<StepInput()>& batch,
                  const models::BlockRunner& around, const std::function<void()>& forget) {
  std::chrono::duration<double> took{};
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    denoising_step(denoiser, batch(), 1, &around);
    took = std::chrono::steady_clock::now() - start;
    forget();
  }
  return took.count();
}

Plan plan_run(const TrainRequest& request, const PassCost& pass, std::int64_t steps, const NewOnDisk& disk) {
  Plan out;
  out.picture_bytes = pass.peak_bytes - pass.after_bytes;
  out.peak_bytes = pass.after_bytes + out.picture_bytes * request.batch;
  out.steps = steps;
  const std::int64_t every = request.keep_every, done = request.steps - steps;
  const std::int64_t kept = every > 0 ? (request.steps - 1) / every - done / every : 0;
  out.disk_bytes = disk.state + (std::max<std::int64_t>(kept, 0) + 1) * disk.file;
  return out;
}

void check_plan(const Plan& plan, const TrainRequest& request, std::int64_t memory,
                const std::filesystem::path& folder) {
  if (plan.peak_bytes > memory) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("a step needs about {}, {} are free", pipeline::memory_text(plan.peak_bytes),
                            pipeline::memory_text(memory)))
        .hint(fmt::format("Use {}{}a smaller --resolution, or close other programs.",
                          smaller_batch(plan, request, memory), smaller_network(request)));
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
