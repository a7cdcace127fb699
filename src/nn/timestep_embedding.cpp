#include "nn/timestep_embedding.h"

#include <cmath>

namespace dq::nn {

Tensor timestep_embedding(Device& device, std::span<const double> timesteps, std::int64_t dim) {
  const std::int64_t half = dim / 2;
  Tensor out = Tensor::zeros(device, DType::kF32, {static_cast<std::int64_t>(timesteps.size()), dim});
  float* row = out.data<float>();
  for (const double t : timesteps) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double frequency =
          std::exp(-std::log(10000.0) * static_cast<double>(i) / static_cast<double>(half));
      row[i] = static_cast<float>(std::cos(t * frequency));
      row[half + i] = static_cast<float>(std::sin(t * frequency));
    }
    row += dim;
  }
  return out;
}

}  // namespace dq::nn
