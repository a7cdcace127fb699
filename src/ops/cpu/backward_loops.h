#pragma once
// Loops of the way back over neighbouring f32. Memory sets the pace of most: one version (AVX2) serves every
// processor.
#include <cstdint>

#include "ops/activation.h"

namespace dq::ops::cpu {

void add_to(const float* x, float* y, std::int64_t n);                         // y += x
void multiply_rows(const float* a, const float* b, float* y, std::int64_t n);  // y = a·b
void activation_gradient(const float* x, const float* dy, std::int64_t n, Activation act, float* dx);

// x = [value | gate], n each: y = value·gelu(gate), and the way back.
void geglu_row(const float* x, std::int64_t n, float* y);
void geglu_gradient_row(const float* x, const float* dy, std::int64_t n, float* dx);

// Per channel of some pixels: Σ(x − first) and Σ(x − first)², where first is the first pixel. Added to the
// sums.
void channel_moments(const float* x, std::int64_t pixels, std::int64_t channels, const float* first,
                     double* sum, double* squares);

// A channel's map, as group norm has it: z = (x − mean)·scale·weight + bias, x̂ = (x − mean)·scale.
struct ChannelNorm {
  const float *mean, *scale, *weight, *bias;
};
// dz = dy·act'(z) into `dz` (unless null), and Σ dz and Σ dz·x̂ added to the sums.
void norm_gradient_sums(const float* x, const float* dy, std::int64_t pixels, std::int64_t channels,
                        const ChannelNorm& norm, Activation act, float* dz, double* sum, double* product);
// dx = scale·(weight·dz − m1 − x̂·m2), in place over dz.
void norm_gradient_map(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelNorm& norm,
                       const float* m1, const float* m2, float* dz);

// One row of layer norm: dx (unless null); dweight and dbias (unless null) get the row's share added.
struct LayerNormRow {
  const float *x = nullptr, *dy = nullptr, *weight = nullptr;  // no weight: ones
  std::int64_t width = 0;
  float eps = 0;
  float *dx = nullptr, *dweight = nullptr, *dbias = nullptr;
};
void layer_norm_gradient_row(const LayerNormRow& row);

// A row of logits scale·s + bias becomes weights 2^(logit·log2 e − log_sum), and 0 from `seen` to n; bias may
// be null. s has room for its length rounded up to 8.
void softmax_weights_row(float* s, std::int64_t n, std::int64_t seen, float scale, const float* bias,
                         float log_sum);
// ds = p·(dp − mean), over dp.
void softmax_gradient_row(const float* p, float* dp, std::int64_t n, float mean);
float dot(const float* a, const float* b, std::int64_t n);
// Rows of `width` numbers, `stride` apart, as panels of nr columns: [panel][row][nr], 0 behind the last
// column.
void pack_columns(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t width, std::int64_t nr,
                  float* panels);
// The same of the transposed rows: [panel of rows][number][nr].
void pack_rows_as_columns(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t width,
                          std::int64_t nr, float* panels);

}  // namespace dq::ops::cpu
