#include "mini/preview_map.h"

#include <vector>

#include "ops/inverse.h"

namespace dq::mini {
namespace {

// The mean colour of the cell (x, y) of picture n.
std::array<double, 3> mean_colour(const Tensor& pictures, std::int64_t n, std::int64_t y, std::int64_t x,
                                  std::int64_t side) {
  std::array<double, 3> sum{};
  for (std::int64_t row = y * side; row < (y + 1) * side; ++row) {
    const float* at = pictures.data<float>() + ((n * pictures.dim(1) + row) * pictures.dim(2) + x * side) * 3;
    for (std::int64_t i = 0; i < 3 * side; ++i) sum[static_cast<std::size_t>(i % 3)] += at[i];
  }
  for (double& v : sum) v /= static_cast<double>(side * side);
  return sum;
}

}  // namespace

models::LatentFormat fit_preview(const Tensor& latents, const Tensor& pictures, models::LatentFormat format) {
  const auto channels = static_cast<std::size_t>(latents.dim(1));
  const std::size_t terms = channels + 1;  // the last one is the constant
  const std::int64_t h = latents.dim(2), w = latents.dim(3), cells = h * w;
  std::vector<double> squares(terms * terms), products(terms * 3), term(terms, 1.0);
  for (std::int64_t n = 0; n < latents.dim(0); ++n) {
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      for (std::size_t c = 0; c < channels; ++c) {
        term[c] = latents.data<float>()[(n * latents.dim(1) + static_cast<std::int64_t>(c)) * cells + cell];
      }
      const std::array<double, 3> colour = mean_colour(pictures, n, cell / w, cell % w, pictures.dim(1) / h);
      for (std::size_t i = 0; i < terms; ++i) {
        for (std::size_t j = 0; j < terms; ++j) squares[i * terms + j] += term[i] * term[j];
        for (std::size_t k = 0; k < 3; ++k) products[i * 3 + k] += term[i] * colour[k];
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
