#pragma once
// What a device must offer: a table of typed functions, one an op. The op's own file in ops/ checks shapes,
// allocates the result and calls the entry; a missing entry is a clear error. Backends: ops/ref (the naive
// truth, for tests), ops/cpu.
#include <string_view>

#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/packed_weight.h"
#include "ops/rope.h"

namespace dq::ops {

// Where a norm's gradients go; null: nobody asks.
struct NormGradients {
  Tensor* dx = nullptr;
  Tensor* dweight = nullptr;  // [C]
  Tensor* dbias = nullptr;    // [C]
};

// What the forward pass of attention keeps for the way back.
struct AttentionSaved {
  const Tensor &q, &k, &v, &y, &log_sums;
};

// x·weightᵀ
struct LinearProduct {
  const Tensor& x;
  const PackedWeight& weight;
};

struct Backend {
  std::string_view name;
  bool takes_f64 = false;  // tensors may be f64 throughout: the naive truth, for finite differences

  PackedWeight (*pack_linear)(Device&, const Tensor& weight, Precision) = nullptr;
  PackedWeight (*pack_conv2d)(Device&, const Tensor& weight, Precision) = nullptr;
  // y is allocated and has the shape the op's rule gave it.
  // `beside`, when it is not null, is added to the product, and stands for the options' low_rank: as many
  // rows and columns, the same precision, x dense and of at most kMostBeside channels.
  void (*linear)(const LinearProduct&, const LinearProduct* beside, const LinearOptions&,
                 Tensor& y) = nullptr;
  void (*linear_geglu)(const LinearProduct&, const LinearProduct* beside, const Tensor* bias,
                       Tensor& y) = nullptr;
  void (*conv2d)(const Tensor& x, const PackedWeight&, const Conv2dOptions&, Tensor& y) = nullptr;
  // log_sums [N, heads, Tq], when it is not null: for each query log2 Σ e^logit over the keys it sees, +∞
  // when it sees none, so that a weight is 2^(logit·log2 e − that).
  void (*attention)(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions&, Tensor& y,
                    Tensor* log_sums) = nullptr;
  void (*group_norm)(const Tensor& x, int groups, const Affine&, float eps, Activation, Tensor& y) = nullptr;
  void (*layer_norm)(const Tensor& x, const Affine&, float eps, Tensor& y) = nullptr;
  void (*rms_norm)(const Tensor& x, const Tensor& weight, float eps, Tensor& y) = nullptr;
  // `inverse` turns the other way. Rows of x may be strided.
  void (*rope)(const Tensor& x, const RopeTables&, int heads, RopeForm, bool inverse, Tensor& y) = nullptr;
  void (*activate)(const Tensor& x, Activation, Tensor& y) = nullptr;
  void (*combine)(std::span<const Term> terms, Tensor& y) = nullptr;
  void (*blend)(const Tensor& x, const Tensor& y, const Tensor& mask, Tensor& out) = nullptr;
  void (*upsample_nearest)(const Tensor& x, Tensor& y) = nullptr;
  void (*embedding)(const Tensor& table, std::span<const std::int32_t> ids, Tensor& y) = nullptr;
  void (*copy)(const Tensor& x, Tensor& y) = nullptr;  // same shape; strides and dtype may differ
  void (*multiply)(const Tensor& a, const Tensor& b, Tensor& y) = nullptr;
  void (*geglu)(const Tensor& x, Tensor& y) = nullptr;
  void (*inverse)(const Tensor& x, Tensor& y) = nullptr;  // [N, n, n]

  // The way back. dy has the forward result's shape; every output is allocated. Outputs given as pointers are
  // null when nobody asks for them.
  void (*accumulate)(const Tensor& x, Tensor& y) = nullptr;  // y += x, y of any strides
  void (*sum_rows)(const Tensor& x, Tensor& y) = nullptr;    // [A, B, C] → [A, C]
  void (*conv2d_weight_gradient)(const Tensor& x, const Tensor& dy, const Conv2dOptions&, Precision,
                                 Tensor& dw) = nullptr;  // dw: [out, in, kh, kw]
  void (*attention_gradient)(const AttentionSaved&, const Tensor& dy, const AttentionOptions&, Tensor& dq,
                             Tensor& dk, Tensor& dv) = nullptr;
  void (*group_norm_gradient)(const Tensor& x, int groups, const Affine&, float eps, Activation,
                              const Tensor& dy, const NormGradients&) = nullptr;
  void (*layer_norm_gradient)(const Tensor& x, const Affine&, float eps, const Tensor& dy,
                              const NormGradients&) = nullptr;
  void (*rms_norm_gradient)(const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                            const NormGradients&) = nullptr;
  void (*activate_gradient)(const Tensor& x, Activation, const Tensor& dy, Tensor& dx) = nullptr;
  void (*geglu_gradient)(const Tensor& x, const Tensor& dy, Tensor& dx) = nullptr;
  void (*upsample_nearest_gradient)(const Tensor& dy, Tensor& dx) = nullptr;
  // dtable starts as zeros; rows that appear twice get both shares.
  void (*embedding_gradient)(const Tensor& dy, std::span<const std::int32_t> ids, Tensor& dtable) = nullptr;
};

// Throws kUnsupported naming op and device when `entry` is null.
template <class Function>
Function require(Function entry, const char* op, const Device& device);

[[noreturn]] void missing_op(const char* op, const Device& device);

template <class Function>
Function require(Function entry, const char* op, const Device& device) {
  if (!entry) missing_op(op, device);
  return entry;
}

}  // namespace dq::ops
