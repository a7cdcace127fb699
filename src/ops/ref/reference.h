#pragma once
// The naive truth: plain loops, sums in double, one thread. Written to be read, not to be fast. Tensors may
// be f64 throughout, for finite differences.
#include "ops/backend.h"

namespace dq::ops::ref {

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute);
PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute);
void linear(const LinearProduct& product, const LinearProduct* beside, const LinearOptions& options,
            Tensor& y);
void linear_geglu(const LinearProduct& product, const LinearProduct* beside, const Tensor* bias, Tensor& y);
void conv2d(const Tensor& x, const PackedWeight& weight, const Conv2dOptions& options, Tensor& y);
void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options, Tensor& y,
               Tensor* log_sums);
void group_norm(const Tensor& x, int groups, const Affine& affine, float eps, Activation act, Tensor& y);
void layer_norm(const Tensor& x, const Affine& affine, float eps, Tensor& y);
void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor& y);
void rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form, bool inverse, Tensor& y);
void activate(const Tensor& x, Activation act, Tensor& y);
void geglu(const Tensor& x, Tensor& y);
void inverse(const Tensor& x, Tensor& y);
void combine(std::span<const Term> terms, Tensor& y);
void multiply(const Tensor& a, const Tensor& b, Tensor& y);
void blend(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out);
void upsample_nearest(const Tensor& x, Tensor& y);
void embedding(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y);
void copy(const Tensor& x, Tensor& y);

void accumulate(const Tensor& x, Tensor& y);
void sum_rows(const Tensor& x, Tensor& y);
void conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Precision compute, Tensor& dw);
void attention_gradient(const AttentionSaved& saved, const Tensor& dy, const AttentionOptions& options,
                        Tensor& dq, Tensor& dk, Tensor& dv);
void group_norm_gradient(const Tensor& x, int groups, const Affine& affine, float eps, Activation act,
                         const Tensor& dy, const NormGradients& out);
void layer_norm_gradient(const Tensor& x, const Affine& affine, float eps, const Tensor& dy,
                         const NormGradients& out);
void rms_norm_gradient(const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                       const NormGradients& out);
void activate_gradient(const Tensor& x, Activation act, const Tensor& dy, Tensor& dx);
void geglu_gradient(const Tensor& x, const Tensor& dy, Tensor& dx);
void upsample_nearest_gradient(const Tensor& dy, Tensor& dx);
void embedding_gradient(const Tensor& dy, std::span<const std::int32_t> ids, Tensor& dtable);

// act(x) of one number, and its slope there.
double apply(Activation act, double x);
double slope(Activation act, double x);

// The numbers of an f32 or f64 tensor as double, counted in its memory from the first.
class Numbers {
 public:
  explicit Numbers(const Tensor& x) {
    if (x.dtype() == DType::kF64)
      wide_ = x.data<double>();
    else
      narrow_ = x.data<float>();
  }
  double operator[](std::int64_t i) const { return wide_ ? wide_[i] : static_cast<double>(narrow_[i]); }

 private:
  const float* narrow_ = nullptr;
  const double* wide_ = nullptr;
};

// Where results go: rounded once, to what the tensor holds.
class Results {
 public:
  explicit Results(Tensor& y) {
    if (y.dtype() == DType::kF64)
      wide_ = y.data<double>();
    else
      narrow_ = y.data<float>();
  }
  void set(std::int64_t i, double v) {
    if (wide_)
      wide_[i] = v;
    else
      narrow_[i] = static_cast<float>(v);
  }

 private:
  float* narrow_ = nullptr;
  double* wide_ = nullptr;
};

// Any element type as f32 (integers and f64 rounded to nearest), and back to a floating type.
float load(const std::byte* element, DType dtype);
void store(float value, std::byte* element, DType dtype);

// A number as it goes into a product: rounded to bf16 when the products are bf16.
inline double factor(double x, Precision compute) {
  return compute == Precision::kBF16 ? static_cast<double>(to_float(to_bfloat16(static_cast<float>(x)))) : x;
}

// Elements between the first of x and its `flat`-th in the order of its indices, whatever its strides.
std::int64_t element_offset(const Tensor& x, std::int64_t flat);

// The entries above (ops/ref/backend.cpp).
extern const Backend kBackend;

}  // namespace dq::ops::ref
