#include "sampling/preview.h"

#include <algorithm>

namespace dq::sampling {

Tensor latent_preview(const Tensor& latent, const models::LatentFormat& format, std::int64_t index) {
  if (format.preview_rows.size() != static_cast<std::size_t>(latent.dim(1))) return {};
  const std::int64_t cells = latent.dim(2) * latent.dim(3);
  Tensor rgb = Tensor::empty(latent.device(), DType::kF32, {1, latent.dim(2), latent.dim(3), 3});
  const float* channels = latent.data<float>() + index * latent.dim(1) * cells;
  float* out = rgb.data<float>();
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    for (std::size_t k = 0; k < 3; ++k) {
      float value = format.preview_bias[k];
      for (std::size_t c = 0; c < format.preview_rows.size(); ++c) {
        value += channels[static_cast<std::int64_t>(c) * cells + cell] * format.preview_rows[c][k];
      }
      *out++ = std::clamp(value, -1.0f, 1.0f);
    }
  }
  return rgb;
}

}  // namespace dq::sampling
