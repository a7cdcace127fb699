#include "grad/checkpoint.h"

#include "grad/tape.h"
#include "ops/gradient.h"

namespace dq::grad {

Tensor checkpoint(Device& device, const Block& block, std::vector<Tensor> inputs) {
  if (!device.recording()) return block(inputs);
  Tensor y;
  {
    const ops::RecordingScope off(device, false);
    y = block(inputs).detached();
  }
  auto node = std::make_shared<GradNode>();
  node->shape = y.shape();
  for (Tensor& input : inputs) {
    node->inputs.push_back(input.grad_node());
    input = input.detached();
  }
  node->backward = [&device, block, inputs](const Tensor& dy,
                                            const std::vector<std::shared_ptr<GradNode>>& to) {
    std::vector<Tensor> again = inputs;
    for (std::size_t i = 0; i < again.size(); ++i) {
      if (to[i]) ask_gradient(again[i]);
    }
    const ops::RecordingScope on(device, true);
    const Tensor result = block(again);
    backward(result, dy);
    for (std::size_t i = 0; i < again.size(); ++i) {
      if (to[i] && gradient(again[i]).defined()) ops::collect(*to[i], gradient(again[i]));
    }
  };
  y.set_grad_node(std::move(node));
  return y;
}

}  // namespace dq::grad
