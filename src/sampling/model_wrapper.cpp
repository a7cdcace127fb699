#include "sampling/model_wrapper.h"

#include <cmath>

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::sampling {

ModelWrapper::ModelWrapper(const models::Denoiser& denoiser, const SigmaTable& table,
                           models::Prediction prediction)
    : denoiser_(denoiser), table_(table), prediction_(prediction) {
  if (table.is_flow() != (prediction == models::Prediction::kFlow)) {
    throw Error(ErrorCode::kInternal, "the noise levels and the prediction type are of different kinds");
  }
}

Tensor ModelWrapper::operator()(const Tensor& x, double sigma, const Conditions& conditions) const {
  const bool flow = prediction_ == models::Prediction::kFlow;
  const double variance = sigma * sigma + 1;
  models::DenoiserInput input;
  input.x = flow ? x : ops::combine({{1 / std::sqrt(variance), &x}});
  input.timesteps = {table_.timestep(sigma)};
  input.context = conditions.context;
  input.pooled = conditions.pooled;
  input.concat = conditions.concat;
  std::vector<models::Control> controls;
  for (const TimedControl& timed : conditions.controls) {
    if (sigma <= timed.sigma_start && sigma >= timed.sigma_end) controls.push_back(timed.control);
  }
  input.controls = controls;
  const Tensor out = denoiser_(input);
  if (prediction_ == models::Prediction::kV) {
    return ops::combine({{1 / variance, &x}, {-sigma / std::sqrt(variance), &out}});
  }
  return ops::combine({{1, &x}, {-sigma, &out}});
}

}  // namespace dq::sampling
