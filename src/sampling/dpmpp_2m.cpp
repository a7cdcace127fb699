// DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2): the exponential integrator over λ = −ln σ with D drawn on
// to the middle of the step from its last two values.
#include <cmath>

#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {

Tensor sample_dpmpp_2m(const SamplerInput& input) {
  Tensor x = input.x, previous;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    if (!previous.defined() || next == 0) {
      x = euler_step(x, denoised, sigma, next);
    } else {
      const double last_h = std::log(input.sigmas[static_cast<std::size_t>(i) - 1] / sigma);
      const double back = std::log(sigma / next) / (2 * last_h);  // 1/(2r), r = h_last/h
      const double ratio = next / sigma, rest = 1 - ratio;
      x = ops::combine({{ratio, &x}, {rest * (1 + back), &denoised}, {-rest * back, &previous}});
    }
    previous = denoised;
  }
  return x;
}

}  // namespace dq::sampling
