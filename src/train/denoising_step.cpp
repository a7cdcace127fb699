#include "train/denoising_step.h"

#include "grad/losses.h"
#include "grad/tape.h"
#include "models/control.h"
#include "ops/elementwise.h"

namespace dq::train {

std::vector<models::Control> controls_of(const models::ControlNet* net, const Tensor& pictures) {
  if (!net) return {};
  return {{net, net->encode(pictures), 1}};
}

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
  const Tensor output = denoiser(input);
  grad::LossOptions options;
  options.weights = step.batch.weights;
  options.kind = step.batch.loss;
  if (!step.batch.c.empty()) options.c = step.batch.c;
  if (step.mask.defined()) options.mask = &step.mask;
  const grad::LossAndGradient loss = grad::loss(output.detached(), step.batch.target, options);
  grad::backward(output, share == 1 ? loss.gradient : ops::combine({{share, &loss.gradient}}));
  return loss.value;
}

}  // namespace dq::train
