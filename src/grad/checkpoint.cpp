#include "grad/checkpoint.h"

#include "grad/tape.h"
#include "ops/first_run.h"
#include "ops/gradient.h"

namespace dq::grad {
namespace {

using Nodes = std::vector<std::shared_ptr<GradNode>>;

// A node for what a block makes of these inputs.
std::shared_ptr<GradNode> block_node(const Tensor& y, const std::vector<Tensor>& inputs) {
  auto node = std::make_shared<GradNode>();
  node->shape = y.shape();
  for (const Tensor& input : inputs) node->inputs.push_back(input.grad_node());
  return node;
}

// The same inputs as leaves of the block's own graph, where somebody asks.
std::vector<Tensor> as_leaves(const std::vector<Tensor>& inputs, const Nodes& asked) {
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    out.push_back(inputs[i].detached());
    if (asked[i]) ask_gradient(out.back());
  }
  return out;
}

void pass_on(const std::vector<Tensor>& leaves, const Nodes& to) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (to[i] && gradient(leaves[i]).defined()) ops::collect(*to[i], gradient(leaves[i]));
  }
}

}  // namespace

Tensor checkpoint(Device& device, const Block& block, std::vector<Tensor> inputs) {
  // One inside of another is a part of it.
  if (!device.recording() || device.first_run()) return block(inputs);
  const auto first = std::make_shared<ops::FirstRun>();
  Tensor y;
  {
    const ops::RecordingScope off(device, false);
    const ops::FirstRunScope keep(device, first.get());
    y = block(inputs).detached();
  }
  first->end();
  auto node = block_node(y, inputs);
  for (Tensor& input : inputs) input = input.detached();
  node->backward = [&device, block, inputs, first](const Tensor& dy, const Nodes& to) {
    const std::vector<Tensor> leaves = as_leaves(inputs, to);
    const ops::RecordingScope on(device, true);
    Tensor again;
    {
      const ops::FirstRunScope take(device, first.get());
      again = block(leaves);
    }
    backward(again, dy);
    pass_on(leaves, to);
  };
  y.set_grad_node(std::move(node));
  return y;
}

Tensor bounded(Device& device, const Block& block, std::vector<Tensor> inputs) {
  if (!device.recording()) return block(inputs);
  Nodes asked;
  for (const Tensor& input : inputs) asked.push_back(input.grad_node());
  const std::vector<Tensor> leaves = as_leaves(inputs, asked);
  const Tensor result = block(leaves);
  Tensor y = result.detached();
  auto node = block_node(y, inputs);
  node->backward = [result, leaves](const Tensor& dy, const Nodes& to) {
    backward(result, dy);
    pass_on(leaves, to);
  };
  y.set_grad_node(std::move(node));
  return y;
}

}  // namespace dq::grad
