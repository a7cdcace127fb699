#include "pipeline/memory_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "ops/elementwise.h"
#include "pipeline/memory_budget.h"
#include "pipeline/vae_tiling.h"

namespace dq::pipeline {
namespace {

constexpr std::int64_t kFloat = sizeof(float);
// Latents that samplers, guidance and masks hold beside each other, at the most.
constexpr std::int64_t kLatents = 16;

// A picture's cells; pixels are cells·downscale².
struct Size {
  std::int64_t h, w;
};

Size largest_size(const Request& r, int cell) {
  const double scale = std::max(r.hires.scale, 1.0);
  return {std::llround(r.height * scale / cell), std::llround(r.width * scale / cell)};
}

void raise(MemoryNeed& peak, const MemoryNeed& phase) {
  if (phase.total > peak.total) peak = phase;
}

// Of the denoiser, with so much of it streamed: what lies in memory while it works.
std::int64_t denoiser_weights(const models::Footprint& model, std::int64_t streamed) {
  const weights::MatrixBytes& all = model.denoiser_matrices;
  if (streamed == 0) return model.denoiser;
  const std::int64_t at_use = streamed <= all.matrices.packed
                                  ? all.matrices.at_use
                                  : std::max(all.matrices.at_use, all.kernels.at_use);
  return model.denoiser - streamed + at_use;
}

[[noreturn]] void refuse(const Request& request, const RunShape& run, const MemoryNeed& need,
                         const MemoryBudget& budget) {
  const std::string size = fmt::format("{}x{}", request.width, request.height);
  const std::string larger =
      request.hires.scale > 0 ? fmt::format(" and {} times that", request.hires.scale) : "";
  const std::string has = budget.by_person
                              ? fmt::format("--memory allows {}", memory_text(budget.most))
                              : fmt::format("this machine has {} free", memory_text(budget.most));
  std::vector<std::string> ways;
  if (run.weights_are_f32 && need.weights > budget.most / 2)
    ways.emplace_back("an f16 or bf16 file of the model");
  if (need.weights < budget.most) {  // else no size is small enough
    ways.emplace_back("a smaller --size");
    if (request.hires.scale > 0) ways.emplace_back("a smaller --hires");
    if (request.batch > 1) ways.emplace_back("a smaller --batch");
  }
  if (budget.by_person) ways.emplace_back("more --memory");
  if (ways.empty()) ways.emplace_back("a smaller model, or close other programs");
  throw Error(ErrorCode::kOutOfMemory,
              fmt::format("painting {}{} needs about {}, of which {} are weights; {}", size, larger,
                          memory_text(need.total), memory_text(need.weights), has))
      .hint(fmt::format("Use {}", fmt::join(ways, ", or ")));
}

// The plan within `limit` that streams the fewest bytes in a step of all rows; none when no streaming makes
// it fit.
std::optional<MemoryPlan> plan_streaming(const Request& request, const models::Footprint& model,
                                         const models::LatentFormat& format, const RunShape& run,
                                         std::int64_t limit) {
  const std::int64_t most = model.denoiser_matrices.packed();
  if (most == 0) return std::nullopt;
  const std::int64_t all_rows = request.batch * (run.two_passes ? 2 : 1);
  std::optional<MemoryPlan> best;
  const auto cost = [&](const MemoryPlan& plan) {
    return (all_rows + plan.rows - 1) / plan.rows * plan.streamed;
  };
  for (std::int64_t rows = all_rows;; rows = (rows + 1) / 2) {
    const auto need = [&](std::int64_t streamed) {
      RunShape streaming = run;
      streaming.streamed = streamed;
      return memory_need(request, model, format, streaming, rows);
    };
    // What is missing with one byte streamed is what must be streamed besides; with a larger matrix among
    // them, that matrix's room as well.
    std::int64_t streamed = std::clamp<std::int64_t>(1 + need(1).total - limit, 1, most);
    if (const std::int64_t over = need(streamed).total - limit; over > 0)
      streamed = std::min(streamed + over, most);
    const MemoryPlan plan{rows, streamed, need(streamed)};
    if (plan.need.total <= limit && (!best || cost(plan) < cost(*best))) best = plan;
    if (rows == 1) return best;
  }
}

}  // namespace

MemoryNeed memory_need(const Request& request, const models::Footprint& model,
                       const models::LatentFormat& format, const RunShape& run, std::int64_t rows) {
  const Size size = largest_size(request, format.downscale);
  const std::int64_t cells = size.h * size.w, pixels = cells * format.downscale * format.downscale;
  const std::int64_t batch = request.batch;
  const bool from_picture = !request.init_image.empty();
  const std::int64_t tile = smallest_tile_bytes(size.h, size.w, format.downscale);
  // The picture at the request's size and its mask as f32, its bytes, and a copy while it is encoded.
  const std::int64_t inputs = from_picture ? pixels * (2 * 3 * kFloat + kFloat + 3) : 0;
  const bool vae_stays = from_picture || run.vae_is_loaded || request.hires.upscaler == "lanczos";

  MemoryNeed peak;
  raise(peak, {model.text_encoder, model.text_encoder});
  if (from_picture) raise(peak, {model.vae + tile + inputs, model.vae});

  MemoryNeed denoising;
  const std::int64_t denoiser = denoiser_weights(model, run.streamed);
  denoising.weights = denoiser + (vae_stays ? model.vae : 0) + run.control.weights;
  denoising.total = denoising.weights + inputs + kLatents * batch * format.channels * cells * kFloat;
  if (model.step_bytes) {
    denoising.total += std::max(model.step_bytes({.images = rows,
                                                  .h = size.h,
                                                  .w = size.w,
                                                  .tokens = run.tokens,
                                                  .control_nets = run.control_nets}),
                                pixels * run.control.encode_bytes_per_pixel);
  }
  raise(peak, denoising);

  // The canvas, its weights, the pictures as f32 (twice while a batch is joined) and as bytes.
  MemoryNeed developing;
  developing.weights = model.vae + (run.keep_denoiser ? denoiser + run.control.weights : 0);
  const std::int64_t canvas = pixels * ((batch > 1 ? 2 * batch : 1) * 3 * kFloat + kFloat + 3 * batch);
  developing.total = developing.weights + tile + inputs + canvas;
  raise(peak, developing);
  return peak;
}

weights::LoadOptions MemoryPlan::load_options(const models::Footprint& model) const {
  weights::LoadOptions options;
  if (streamed > 0) options.resident = model.denoiser_matrices.packed() - streamed;
  return options;
}

MemoryPlan plan_memory(const Request& request, const models::Footprint& model,
                       const models::LatentFormat& format, const RunShape& run, const MemoryBudget& budget) {
  const std::int64_t all_rows = request.batch * (run.two_passes ? 2 : 1);
  MemoryPlan plan{all_rows, 0, {}};
  for (;; plan.rows = (plan.rows + 1) / 2) {
    plan.need = memory_need(request, model, format, run, plan.rows);
    if (plan.need.total <= budget.wanted || (plan.rows == 1 && plan.need.total <= budget.most)) return plan;
    if (plan.rows == 1) break;
  }
  for (const std::int64_t limit : {budget.wanted, budget.most}) {
    if (const auto streaming = plan_streaming(request, model, format, run, limit)) return *streaming;
  }
  refuse(request, run, plan.need, budget);
}

Tensor RowsAtATime::operator()(const models::DenoiserInput& input) const {
  const std::int64_t all = input.x.dim(0);
  if (all <= rows_) return inner_(input);
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < all; begin += rows_) {
    const std::int64_t end = std::min(all, begin + rows_);
    const auto rows_of = [&](const Tensor& t) {
      return t.defined() ? ops::contiguous(t.slice(0, begin, end)) : Tensor{};
    };
    models::DenoiserInput part = input;
    part.x = rows_of(input.x);
    part.context = rows_of(input.context);
    part.pooled = rows_of(input.pooled);
    part.concat = rows_of(input.concat);
    std::vector<models::Control> controls(input.controls.begin(), input.controls.end());
    for (models::Control& control : controls) {
      if (control.hint.dim(0) == all) control.hint = rows_of(control.hint);
    }
    part.controls = controls;
    if (input.timesteps.size() > 1)
      part.timesteps.assign(input.timesteps.begin() + begin, input.timesteps.begin() + end);
    parts.push_back(inner_(part));
  }
  return ops::concat(parts, 0);
}

}  // namespace dq::pipeline
