#include "grad/tape.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "ops/gradient.h"

namespace dq::grad {
namespace {

using Node = std::shared_ptr<GradNode>;

GradNode& leaf_node(const Tensor& leaf) {
  if (!leaf.grad_node() || !leaf.grad_node()->is_leaf()) {
    throw Error(ErrorCode::kInternal, "this tensor was not asked for its gradient");
  }
  return *leaf.grad_node();
}

// Every node that y depends on, each after all that it depends on. A stack of our own: networks are deep.
std::vector<Node> inputs_first(const Node& root) {
  struct Visit {
    Node node;
    std::size_t next = 0;
  };
  std::vector<Node> order;
  std::unordered_set<const GradNode*> seen{root.get()};
  std::vector<Visit> stack{{root}};
  while (!stack.empty()) {
    Visit& top = stack.back();
    if (top.next == top.node->inputs.size()) {
      order.push_back(std::move(top.node));
      stack.pop_back();
      continue;
    }
    const Node& input = top.node->inputs[top.next++];
    if (input && seen.insert(input.get()).second) stack.push_back({input});
  }
  return order;
}

}  // namespace

Tensor gradient(const Tensor& leaf) {
  return leaf_node(leaf).collected;
}

void clear_gradient(const Tensor& leaf) {
  leaf_node(leaf).collected = {};
}

void set_gradient(const Tensor& leaf, const Tensor& gradient) {
  GradNode& node = leaf_node(leaf);
  node.collected = gradient.detached();
  node.shared = true;
}

void backward(const Tensor& y, const Tensor& dy) {
  if (!y.grad_node()) return;
  if (dy.shape() != y.shape()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a gradient of shape {} for a result of shape {}",
                                                         to_string(dy.shape()), to_string(y.shape())));
  }
  const ops::RecordingScope off(y.device(), false);
  ops::collect(*y.grad_node(), dy);
  std::vector<Node> order = inputs_first(y.grad_node());
  while (!order.empty()) {
    const Node node = std::move(order.back());
    order.pop_back();
    if (node->is_leaf() && !node->inputs.empty()) {
      throw Error(ErrorCode::kInternal, "gradients were taken of one result twice");
    }
    if (!node->backward) continue;
    const Tensor collected = std::exchange(node->collected, {});
    // A branch that nothing reached has no gradient to pass on.
    if (collected.defined()) node->backward(collected, node->inputs);
    node->backward = nullptr;
    if (node != y.grad_node()) node->inputs.clear();
  }
}

}  // namespace dq::grad
