// Linear multistep: Adams-Bashforth of order up to 4 on uneven levels. The slopes d = (x − D)/σ of the last
// steps define a polynomial in σ; x moves by its integral over the step.
#include <cmath>
#include <deque>
#include <vector>

#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

constexpr std::size_t kOrder = 4;

// ∫ from nodes[0] to `to` of the Lagrange basis polynomial that is 1 at nodes[j] and 0 at the others. Two
// Gauss points are exact for the cubics that four nodes give.
double lagrange_integral(const std::deque<double>& nodes, std::size_t j, double to) {
  const double from = nodes[0];
  const double centre = (from + to) / 2, half = (to - from) / 2;
  const double offset = half / std::sqrt(3.0);
  double sum = 0;
  for (const double at : {centre - offset, centre + offset}) {
    double basis = 1;
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      if (k != j) basis *= (at - nodes[k]) / (nodes[j] - nodes[k]);
    }
    sum += basis;
  }
  return half * sum;
}

}  // namespace

Tensor sample_lms(const SamplerInput& input) {
  Tensor x = input.x;
  std::deque<Tensor> slopes;  // the newest first
  std::deque<double> nodes;   // their levels
  for (int i = 0; i < step_count(input); ++i) {
    const double sigma = input.sigmas[static_cast<std::size_t>(i)];
    const double next = input.sigmas[static_cast<std::size_t>(i) + 1];
    const Tensor denoised = denoise_step(input, i, x, sigma);
    if (next == 0) return denoised;
    slopes.push_front(ops::combine({{1 / sigma, &x}, {-1 / sigma, &denoised}}));
    nodes.push_front(sigma);
    if (slopes.size() > kOrder) {
      slopes.pop_back();
      nodes.pop_back();
    }
    std::vector<ops::Term> terms = {{1, &x}};
    for (std::size_t j = 0; j < slopes.size(); ++j) {
      terms.push_back({lagrange_integral(nodes, j, next), &slopes[j]});
    }
    x = ops::combine(terms);
  }
  return x;
}

}  // namespace dq::sampling
