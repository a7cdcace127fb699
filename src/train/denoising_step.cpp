#include "train/denoising_step.h"

#include "grad/losses.h"
#include "grad/tape.h"
#include "models/control.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "weights/without_adapters.h"

namespace dq::train {

std::vector<models::Control> controls_of(const models::ControlNet* net, const Tensor& pictures) {
  if (!net) return {};
  return {{net, net->encode(pictures), 1}};
}

namespace {

Tensor rows_of(const Tensor& x, const std::vector<std::int64_t>& rows) {
  std::vector<Tensor> out;
  for (const std::int64_t row : rows) out.push_back(ops::contiguous(x.slice(0, row, row + 1)));
  return ops::concat(out, 0);
}

// The targets, with the denoiser's own answers in the rows that are held.
Tensor targets(const models::Denoiser& denoiser, const StepInput& step) {
  if (step.held.empty()) return step.batch.target;
  const ops::RecordingScope quiet(step.batch.target.device(), false);
  const weights::WithoutAdapters alone(denoiser.parameters());
  models::DenoiserInput input;
  input.x = rows_of(step.batch.input, step.held);
  for (const std::int64_t row : step.held)
    input.timesteps.push_back(step.batch.timesteps[static_cast<std::size_t>(row)]);
  input.context = rows_of(step.own_context.defined() ? step.own_context : step.context, step.held);
  if (step.pooled.defined())
    input.pooled = rows_of(step.own_pooled.defined() ? step.own_pooled : step.pooled, step.held);
  const Tensor own = denoiser(input);
  std::vector<Tensor> rows;
  std::size_t next = 0;
  for (std::int64_t row = 0; row < step.batch.target.dim(0); ++row) {
    const bool held = next < step.held.size() && step.held[next] == row;
    const auto at = held ? static_cast<std::int64_t>(next++) : row;
    rows.push_back(ops::contiguous((held ? own : step.batch.target).slice(0, at, at + 1)));
  }
  return ops::concat(rows, 0);
}

}  // namespace

double denoising_step(const models::Denoiser& denoiser, const StepInput& step, double share,
                      const models::BlockRunner* around) {
  models::DenoiserInput input;
  input.x = step.batch.input;
  input.timesteps = step.batch.timesteps;
  input.context = step.context;
  input.pooled = step.pooled;
  input.around = around;
  const std::vector<models::Control> controls = controls_of(step.control_net, step.control_pictures);
  input.controls = controls;
  const Tensor target = targets(denoiser, step);
  const Tensor output = denoiser(input);
  grad::LossOptions options;
  options.weights = step.batch.weights;
  options.kind = step.batch.loss;
  if (!step.batch.c.empty()) options.c = step.batch.c;
  if (step.mask.defined()) options.mask = &step.mask;
  const grad::LossAndGradient loss = grad::loss(output.detached(), target, options);
  grad::backward(output, share == 1 ? loss.gradient : ops::combine({{share, &loss.gradient}}));
  return loss.value;
}

}  // namespace dq::train
