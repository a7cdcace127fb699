#pragma once
// A matrix in the layout that a backend's kernels read. Made once when a model is loaded.
#include "tensor/tensor.h"

namespace dq::ops {

// The weight of a linear layer (kernel 1×1, one group) or of a convolution.
struct PackedWeight {
  Tensor data;                    // the backend's own layout; opaque to everybody else
  std::int64_t out_channels = 0;  // N
  std::int64_t in_channels = 0;   // K for a linear layer
  int kernel_h = 1, kernel_w = 1;
  Precision compute = Precision::kF32;

  // For the way back; undefined in a weight that only paints. `source` is what it was packed from: when it
  // asks for a gradient, the weight's gradient goes there. `turned` is the same weight turned round, dx =
  // dy·W; when it is not there, it is packed from the source at each use, which takes time instead of memory.
  Tensor source;
  std::shared_ptr<const PackedWeight> turned;

  bool defined() const { return data.defined(); }
};

// weight: [out, in], any floating dtype, any strides, host memory (a mapped file is fine; it is read once).
// f16 and f8 sources keep their 16-bit (f32 compute) or become bf16 (bf16 compute) panels; f32 stays f32 for
// f32 compute. Nothing is ever inflated beyond what the compute precision asks for.
PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute);

// weight: [out, in, kh, kw] (PyTorch order), as above.
PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute);

// The one of the two that the weight's rank asks for.
PackedWeight pack_weight(Device& device, const Tensor& weight, Precision compute);

// The weight of the way back. Linear: Wᵀ, [in, out]. Convolution: [in, out, kh, kw] with the taps in reverse
// order.
PackedWeight pack_turned(const PackedWeight& weight);

}  // namespace dq::ops
