#include "train/denoising_step.h"

#include "grad/tape.h"

namespace dq::train {

double denoising_step(const models::Denoiser& denoiser, const StepInput& step, double share,
                      const models::BlockRunner* around) {
  models::DenoiserInput input;
  input.x = step.batch.input;
  input.timesteps = step.batch.timesteps;
  input.context = step.context;
  input.pooled = step.pooled;
  input.around = around;
  const Tensor output = denoiser(input);
  Tensor gradient = Tensor::empty(output.device(), DType::kF32, output.shape());
  const std::int64_t pixels = output.dim(2) * output.dim(3), each = output.dim(1) * pixels;
  const double scale = 1 / static_cast<double>(output.count());
  double loss = 0;
  for (std::int64_t i = 0; i < output.count(); ++i) {
    const std::int64_t n = i / each;
    double weight = step.batch.weights[static_cast<std::size_t>(n)];
    if (step.mask.defined()) weight *= step.mask.data<float>()[n * pixels + i % pixels];
    const double error = static_cast<double>(output.data<float>()[i]) - step.batch.target.data<float>()[i];
    loss += weight * error * error * scale;
    gradient.data<float>()[i] = static_cast<float>(share * 2 * weight * error * scale);
  }
  grad::backward(output, gradient);
  return loss;
}

}  // namespace dq::train
