#pragma once
// Steps along the gradient. An optimiser holds the leaves it moves; what it remembers of them can be written
// down and taken up again, bit for bit.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace dq::grad {

// A leaf (tensor/gradient.h) and how it is treated.
struct Trained {
  std::string name;  // of its state
  Tensor leaf;       // f32, contiguous
  double rate = 1;   // times the step's rate
  bool decays = true;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Moves every leaf that has a gradient, by it and the rate. Gradients are left as they are.
  virtual void step(double rate) = 0;
  // Everything it remembers, f32, by name. load_state throws kBadFile when something is missing or has
  // another shape.
  virtual std::map<std::string, Tensor> state() const = 0;
  virtual void load_state(const std::map<std::string, Tensor>& state) = 0;
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};

// Loshchilov & Hutter 2019, as torch.optim.AdamW: bias-corrected, the decay apart from the gradient.
std::unique_ptr<Optimizer> make_adamw(std::vector<Trained> trained, const AdamWOptions& options = {});

// ‖gradients‖ over all leaves, in f64, in their order; NaN and infinity stay visible.
double gradient_norm(const std::vector<Trained>& trained);
// Multiplies every gradient.
void scale_gradients(const std::vector<Trained>& trained, double factor);
void clear_gradients(const std::vector<Trained>& trained);

}  // namespace dq::grad
