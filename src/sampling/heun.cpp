// Heun's method (Karras et al. 2022, algorithm 2): an Euler step, a second look at its end, the mean slope.
#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {

Tensor sample_heun(const SamplerInput& input) {
  Tensor x = input.x;
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = churn(input, i, x);
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor d1 = denoise_step(input, i, x, sigma);
    const Tensor guess = euler_step(x, d1, sigma, next);
    if (next == 0) {
      x = guess;
      continue;
    }
    const Tensor d2 = input.denoise(guess, next).value;
    const double first = (next - sigma) / (2 * sigma), second = (next - sigma) / (2 * next);
    x = ops::combine({{1 + first, &x}, {-first, &d1}, {second, &guess}, {-second, &d2}});
  }
  return x;
}

}  // namespace dq::sampling
