#pragma once
// What an add-on makes of one layer: a LoRA and its relatives (Hu et al. 2021 and after; weights/adapters/
// has one file a kind). Either something beside the layer, which leaves the base weight as it is stored, or
// a change of the weight itself. The tensors of an adapter may be leaves: then it is trained.
#include <string>
#include <vector>

#include "ops/conv2d.h"
#include "ops/linear.h"
#include "tensor/tensor.h"

namespace dq::weights {

// A tensor of an adapter by its name under a module's ("lora_down.weight").
struct AdapterPart {
  std::string name;
  Tensor value;
};

class Adapter {
 public:
  virtual ~Adapter() = default;
  // Is the weight itself changed? Then changed() is asked, with the base weight in f32; else what stands
  // beside the layer.
  virtual bool changes_weight() const { return true; }
  // Beside a linear layer, with the strength in it.
  virtual ops::LowRank low_rank() const;
  // y + what stands beside a convolution makes of its input x. layer: its stride and padding.
  virtual Tensor side(const Tensor& x, const Tensor& y, const ops::Conv2dOptions& layer) const;
  // The weight with this adapter in it, in the weight's shape. Every kind can do that.
  virtual Tensor changed(const Tensor& weight) const = 0;
  // What a file holds of it; the leaves of one that is trained are among them.
  virtual std::vector<AdapterPart> parts() const = 0;

  bool is_trained() const;
};

}  // namespace dq::weights
