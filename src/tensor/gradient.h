#pragma once
// How a result remembers where it came from, so that derivatives can flow back to what was asked for
// (reverse-mode differentiation; Griewank & Walther 2008). A tensor has such a node only when somebody asked
// for its gradient or for that of something it was computed from; all others cost nothing. Ops record through
// ops/gradient.h, src/grad/ walks the nodes.
#include <functional>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace dq {

struct GradNode {
  // The nodes of the op's inputs, null where nobody asks. A leaf has none.
  std::vector<std::shared_ptr<GradNode>> inputs;
  // Gives each input that is asked for its share of dy, which has this tensor's shape. Empty for leaves and
  // views.
  std::function<void(const Tensor& dy, const std::vector<std::shared_ptr<GradNode>>& inputs)> backward;
  // For views: what the view does, so that it can be taken of the parent's gradient.
  std::function<Tensor(const Tensor& parent)> view;
  bool reshapes = false;  // this view shows all of the parent, in its order

  Shape shape;          // of the tensor
  Tensor collected;     // the sum of the shares so far: contiguous, of that shape
  bool shared = false;  // collected is somebody else's tensor too and must not be written to

  bool is_leaf() const { return !backward && !view; }
};

// Makes x a leaf: gradients of what is computed from it from now on are collected for it. Throws
// kInvalidArgument unless x is f32 (or f64, on devices that take it).
void ask_gradient(Tensor& x);

}  // namespace dq
