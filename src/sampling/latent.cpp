#include "sampling/latent.h"

#include <cmath>
#include <utility>

#include "ops/elementwise.h"

namespace dq::sampling {

Tensor add_noise(const Tensor& latent, const Tensor& noise, double sigma, bool flow) {
  return ops::combine({{flow ? 1 - sigma : 1, &latent}, {sigma, &noise}});
}

Tensor initial_latent(const Tensor& latent, const Tensor& noise, double first_sigma,
                      const SigmaTable& table) {
  const double highest = table.sigma_max();
  const bool full = first_sigma > highest || std::abs(first_sigma - highest) <= 1e-5 * highest;
  if (table.is_flow() || !full) return add_noise(latent, noise, first_sigma, table.is_flow());
  return ops::combine({{1, &latent}, {std::sqrt(1 + first_sigma * first_sigma), &noise}});
}

Tensor finish_latent(const Tensor& x, double last_sigma, const SigmaTable& table) {
  if (!table.is_flow() || last_sigma == 0 || last_sigma >= 1) return x;
  return ops::combine({{1 / (1 - last_sigma), &x}});
}

Denoise masked(Denoise inner, LatentMask mask, bool flow) {
  return [inner = std::move(inner), mask = std::move(mask), flow](const Tensor& x, double sigma) {
    const Tensor kept = add_noise(mask.latent, mask.noise, sigma, flow);
    Denoised result = inner(ops::blend(x, kept, mask.mask), sigma);
    result.value = ops::blend(result.value, mask.latent, mask.mask);
    // As ComfyUI, which blends the guided guess only.
    return result;
  };
}

}  // namespace dq::sampling
