#pragma once
// Every op that has a way back, as a function of tensors that may each ask for their gradient.
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace dq::test {

using Inputs = std::vector<Tensor>;

struct OpCase {
  std::string name;          // letters and digits
  std::vector<Shape> small;  // of the inputs: few numbers, for finite differences
  std::vector<Shape> large;  // several tasks of every kernel, and odd ends; none: the small ones
  std::function<Tensor(const Inputs&)> op;
};

std::vector<OpCase> op_cases();

inline std::ostream& operator<<(std::ostream& out, const OpCase& c) {
  return out << c.name;
}

// Uniform numbers in [lo, hi) that f32 holds exactly, as f32 or f64.
Tensor random_as(Device& device, DType dtype, Shape shape, std::uint64_t seed, float lo = -1, float hi = 1);
// One an input, each from a seed of its own.
Inputs random_inputs(Device& device, DType dtype, const std::vector<Shape>& shapes, std::uint64_t seed);

// The gradients of Σ dy·op(inputs), dy random, with respect to the inputs whose bit is set in `asked`; the
// others undefined.
Inputs gradients(const OpCase& c, Inputs inputs, unsigned asked);
// Σ dy·op(inputs) with the same dy.
double weighted_sum(const OpCase& c, const Inputs& inputs);

}  // namespace dq::test
