#pragma once
// Trading time for memory: a block keeps only its inputs and runs once more when its gradient is needed (Chen
// et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace dq::grad {

using Block = std::function<Tensor(const std::vector<Tensor>& inputs)>;

// block(inputs), without what its ops would keep, but for results that cost much for the room they take
// (ops/first_run.h). The block must compute the same again when it is run a second time, and may use leaves
// that are not among its inputs (parameters): these get their gradients too.
Tensor checkpoint(Device& device, const Block& block, std::vector<Tensor> inputs);

// block(inputs), which keeps what its ops need, and whose gradients come together as those of checkpoint()
// do: the same numbers, bit for bit.
Tensor bounded(Device& device, const Block& block, std::vector<Tensor> inputs);

}  // namespace dq::grad
