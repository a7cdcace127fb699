#pragma once
// What an op's file needs for its backward rule. Forward, after y is computed:
//
//   record(y, {&x, bias}, [x = x.detached()](const Tensor& dy, const Asked& to) {
//     if (to.asks(0)) to.give(0, …);   // dL/dx, the shape of x
//     if (to.asks(1)) to.give(1, …);   // dL/dbias
//   });
//
// Nothing happens when no input asks for a gradient, or when the device is not recording. What a rule keeps
// (inputs, or y itself) must be detached: a tensor that holds its own node would never be freed.
#include <initializer_list>

#include "tensor/gradient.h"

namespace dq::ops {

// The inputs of a recorded op, by their place in the list given to record().
class Asked {
 public:
  explicit Asked(const std::vector<std::shared_ptr<GradNode>>& nodes) : nodes_(nodes) {}
  bool asks(std::size_t i) const { return nodes_[i] != nullptr; }
  // Adds to what input i has collected; `share` has that input's shape. It may be given to several inputs.
  void give(std::size_t i, const Tensor& share) const;
  // The same for an op that adds on its way: `make` returns the share, plus the tensor it is given (of the
  // input's shape; null: nothing yet). Saves a pass over memory where several ops read one tensor.
  void give_onto(std::size_t i, const std::function<Tensor(const Tensor* residual)>& make) const;

 private:
  const std::vector<std::shared_ptr<GradNode>>& nodes_;
};

// Is x's device recording, and does one of these ask for a gradient? Null and undefined tensors ask for none.
// Ops use it to take a path that can be differentiated, where the fused one keeps too little.
bool wants_gradient(std::initializer_list<const Tensor*> inputs);

using BackwardRule = std::function<void(const Tensor& dy, const Asked& to)>;
void record(Tensor& y, std::initializer_list<const Tensor*> inputs, BackwardRule rule);
void record(Tensor& y, const std::vector<const Tensor*>& inputs, BackwardRule rule);

// For an op that has no backward rule: throws kUnsupported instead of losing a gradient silently.
void refuse_gradient(const char* op, std::initializer_list<const Tensor*> inputs);

// Adds dy to a node's collected gradient; for a view, to the part of its parent that it shows.
void collect(GradNode& node, const Tensor& share);

// Turns recording on a device off, or on again, for as long as it lives.
using RecordingScope = DeviceScope<&Device::recording, &Device::set_recording>;

}  // namespace dq::ops
