// UniPC (Zhao et al. 2023), multistep, data prediction, order up to 3, B(h) = h (bh1) or e^h − 1 (bh2). The
// model's value at the predicted point also corrects that point, so there is one call a step. The paper's
// variance-preserving form, divided by α, is written here in x = x0 + σ·ε; λ = −ln σ.
#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "ops/elementwise.h"
#include "sampling/samplers.h"
#include "sampling/step_math.h"

namespace dq::sampling {
namespace {

constexpr int kMaxOrder = 3;
constexpr double kLastSigma = 0.001;  // stands for 0, which has no λ

enum class Variant { kBh1, kBh2 };

struct Known {
  double lambda;
  Tensor denoised;
};
using History = std::deque<Known>;

// Solves the n×n system a·x = b, n ≤ 3, by elimination with row exchange.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t best = column;
    for (std::size_t row = column + 1; row < n; ++row) {
      if (std::abs(a[row][column]) > std::abs(a[best][column])) best = row;
    }
    std::swap(a[column], a[best]);
    std::swap(b[column], b[best]);
    for (std::size_t row = column + 1; row < n; ++row) {
      const double factor = a[row][column] / a[column][column];
      for (std::size_t k = column; k < n; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (std::size_t row = n; row-- > 0;) {
    for (std::size_t k = row + 1; k < n; ++k) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

// The numbers of one step of some order from the newest known point to λ.
struct StepNumbers {
  double ratio, phi1, b_h;
  std::vector<double> r;          // (λ_k − λ_0)/h of the older points, then 1
  std::vector<double> predictor;  // ρ of the older points
  std::vector<double> corrector;  // ρ of the older points, then of the predicted one
};

StepNumbers step_numbers(const History& known, double lambda, int order, Variant variant) {
  StepNumbers n;
  const double h = lambda - known[0].lambda, hh = -h;
  n.ratio = std::exp(hh);
  n.phi1 = std::expm1(hh);
  n.b_h = variant == Variant::kBh1 ? hh : n.phi1;
  for (int k = 1; k < order; ++k)
    n.r.push_back((known[static_cast<std::size_t>(k)].lambda - known[0].lambda) / h);
  n.r.push_back(1);
  std::vector<std::vector<double>> rows;
  std::vector<double> b;
  double g = n.phi1 / hh - 1, factorial = 1;
  for (int j = 1; j <= order; ++j) {
    std::vector<double> row;
    for (const double r : n.r) row.push_back(std::pow(r, j - 1));
    rows.push_back(std::move(row));
    b.push_back(g * factorial / n.b_h);
    factorial *= j + 1;
    g = g / hh - 1 / factorial;
  }
  n.corrector = order == 1 ? std::vector<double>{0.5} : solve(rows, b);
  if (order == 2) n.predictor = {0.5};
  if (order == 3) n.predictor = solve({{rows[0][0], rows[0][1]}, {rows[1][0], rows[1][1]}}, {b[0], b[1]});
  return n;
}

// (σ₊/σ)·x − φ₁·M₀ − B·Σ ρ_k (M_k − M₀)/r_k, the last term of the corrector being the value at the new point.
Tensor update(const StepNumbers& n, const std::vector<double>& rho, const Tensor& x, const History& known,
              const Tensor* at_new) {
  double on_m0 = -n.phi1;
  std::vector<ops::Term> terms = {{n.ratio, &x}, {0, &known[0].denoised}};
  for (std::size_t k = 0; k < rho.size(); ++k) {
    const bool is_new = at_new != nullptr && k + 1 == rho.size();
    const double weight = -n.b_h * rho[k] / (is_new ? 1.0 : n.r[k]);
    on_m0 -= weight;
    terms.push_back({weight, is_new ? at_new : &known[k + 1].denoised});
  }
  terms[1].factor = on_m0;
  return ops::combine(terms);
}

Tensor run(const SamplerInput& input, Variant variant) {
  std::vector<double> sigmas = input.sigmas;
  if (sigmas.back() == 0) sigmas.back() = std::min(kLastSigma, sigmas[sigmas.size() - 2] / 2);
  const int steps = step_count(input);
  const int max_order = std::clamp(steps - 1, 1, kMaxOrder);
  Tensor x = input.x;
  History known;  // the newest first
  known.push_back({-std::log(sigmas[0]), denoise_step(input, 0, x, sigmas[0])});
  for (int i = 1; i <= steps; ++i) {
    const double sigma = sigmas[static_cast<std::size_t>(i)], lambda = -std::log(sigma);
    // Low orders at both ends: at the start little is known, at the end steps are long.
    const int order = std::min({static_cast<int>(known.size()), max_order, steps + 1 - i});
    const StepNumbers numbers = step_numbers(known, lambda, order, variant);
    const Tensor predicted = update(numbers, numbers.predictor, x, known, nullptr);
    if (i == steps) return predicted;
    const Tensor denoised = denoise_step(input, i, predicted, sigma);
    x = update(numbers, numbers.corrector, x, known, &denoised);
    known.push_front({lambda, denoised});
    if (static_cast<int>(known.size()) > max_order) known.pop_back();
  }
  return x;
}

}  // namespace

Tensor sample_uni_pc(const SamplerInput& input) {
  return run(input, Variant::kBh1);
}
Tensor sample_uni_pc_bh2(const SamplerInput& input) {
  return run(input, Variant::kBh2);
}

}  // namespace dq::sampling
