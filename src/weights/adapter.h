#pragma once
// What an add-on makes of one layer: a LoRA and its relatives (Hu et al. 2021 and after). Either a side path
// beside the layer, which leaves the base weight as it is stored, or a change of the weight itself. The
// tensors of an adapter may be leaves: then it is trained.
#include "ops/conv2d.h"
#include "tensor/tensor.h"

namespace dq::weights {

// The layer an adapter stands beside: a convolution's stride and padding; null pointers for a linear layer.
struct AdaptedLayer {
  Shape weight;                              // [out, in] or [out, in, kh, kw]
  const ops::Conv2dOptions* conv = nullptr;  // null: linear
};

class Adapter {
 public:
  virtual ~Adapter() = default;
  // y + what the side path makes of the layer's input x. The default has none.
  virtual Tensor side(const Tensor& x, const Tensor& y, const AdaptedLayer& layer) const;
  // Does it change the weight instead? Then changed() is asked before every use, with the base weight in f32.
  virtual bool changes_weight() const { return false; }
  virtual Tensor changed(const Tensor& weight) const;
};

}  // namespace dq::weights
