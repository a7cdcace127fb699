#include "mini/preview_map.h"

#include <vector>

#include "media/resize.h"
#include "ops/inverse.h"

namespace dq::mini {
models::LatentFormat fit_preview(const Tensor& latents, const Tensor& pictures, models::LatentFormat format) {
  const auto channels = static_cast<std::size_t>(latents.dim(1));
  const std::size_t terms = channels + 1;  // the last one is the constant
  const std::int64_t cells = latents.dim(2) * latents.dim(3);
  const Tensor means =
      media::resize(pictures, latents.dim(2), latents.dim(3), media::ResizeFilter::kArea);  // [N, h, w, 3]
  std::vector<double> squares(terms * terms), products(terms * 3), term(terms, 1.0);
  for (std::int64_t n = 0; n < latents.dim(0); ++n) {
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      for (std::size_t c = 0; c < channels; ++c) {
        term[c] = latents.data<float>()[(n * latents.dim(1) + static_cast<std::int64_t>(c)) * cells + cell];
      }
      const float* colour = means.data<float>() + (n * cells + cell) * 3;
      for (std::size_t i = 0; i < terms; ++i) {
        for (std::size_t j = 0; j < terms; ++j) squares[i * terms + j] += term[i] * term[j];
        for (std::size_t k = 0; k < 3; ++k) products[i * 3 + k] += term[i] * static_cast<double>(colour[k]);
      }
    }
  }
  const auto n = static_cast<std::int64_t>(terms);
  Tensor matrix = Tensor::empty(latents.device(), DType::kF32, {1, n, n});
  const double count = squares.back();  // kept near 1, as f32 wants it
  for (std::size_t i = 0; i < squares.size(); ++i)
    matrix.data<float>()[i] = static_cast<float>(squares[i] / count);
  const Tensor inverse = ops::inverse(matrix);
  format.preview_rows.assign(channels, {});
  for (std::size_t i = 0; i < terms; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      double value = 0;
      for (std::size_t j = 0; j < terms; ++j) {
        value += static_cast<double>(inverse.data<float>()[i * terms + j]) * products[j * 3 + k] / count;
      }
      (i < channels ? format.preview_rows[i] : format.preview_bias)[k] = static_cast<float>(value);
    }
  }
  return format;
}

}  // namespace dq::mini
