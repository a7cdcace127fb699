#pragma once
// Walks the nodes that ops have recorded (tensor/gradient.h) from a result back to the leaves.
#include "tensor/gradient.h"

namespace dq::grad {

// The gradient that a leaf has collected, of its shape; undefined when none has reached it.
Tensor gradient(const Tensor& leaf);
void clear_gradient(const Tensor& leaf);
// Puts another in its place: after clipping or scaling.
void set_gradient(const Tensor& leaf, const Tensor& gradient);

// Adds dL/dx to every leaf x that y was computed from, where dy = dL/dy has y's shape. What the ops kept is
// freed on the way, so this runs once for a result. Does nothing when y has no node. Throws kInvalidArgument
// for a dy of another shape, kInternal when y's way back was used already.
void backward(const Tensor& y, const Tensor& dy);

}  // namespace dq::grad
