#include "ops/gradient.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ops/backend.h"
#include "ops/elementwise.h"

namespace dq::ops {
namespace {

bool asks(const Tensor* x) {
  return x && x->defined() && x->grad_node() && x->device().recording();
}

void accumulate(const Tensor& x, Tensor& y) {
  if (x.count() > 0)
    require(x.device().backend().accumulate, "accumulate", x.device())(contiguous(x.detached()), y);
}

void check_share(const GradNode& node, const Tensor& share) {
  if (share.shape() == node.shape) return;
  throw Error(ErrorCode::kInternal, fmt::format("a gradient of shape {} for a tensor of shape {}",
                                                to_string(share.shape()), to_string(node.shape)));
}

// What a view collects belongs to its parent, at once: several views of one tensor share one buffer.
void collect_view(const GradNode& node, const Tensor& share) {
  GradNode& parent = *node.inputs[0];
  if (node.reshapes) return collect(parent, contiguous(share.detached()).reshape(parent.shape));
  if (parent.view) {
    Tensor whole = Tensor::zeros(share.device(), share.dtype(), parent.shape);
    Tensor part = node.view(whole);
    accumulate(share, part);
    return collect(parent, whole);
  }
  if (!parent.collected.defined()) {
    parent.collected = Tensor::zeros(share.device(), share.dtype(), parent.shape);
  } else if (parent.shared) {
    parent.collected = combine({{1.0, &parent.collected}});
  }
  parent.shared = false;
  Tensor part = node.view(parent.collected);
  accumulate(share, part);
}

}  // namespace

void Asked::give(std::size_t i, const Tensor& share) const {
  if (nodes_[i]) collect(*nodes_[i], share);
}

void Asked::give_onto(std::size_t i, const std::function<Tensor(const Tensor* residual)>& make) const {
  if (!nodes_[i]) return;
  GradNode& node = *nodes_[i];
  GradNode* owner = &node;
  while (owner->view && owner->reshapes) owner = owner->inputs[0].get();
  if (owner->view || !owner->collected.defined()) return collect(node, make(nullptr));
  const Tensor so_far = owner->collected.reshape(node.shape);
  const Tensor sum = make(&so_far);
  check_share(node, sum);
  owner->collected = contiguous(sum.detached()).reshape(owner->shape);
  owner->shared = false;
}

bool wants_gradient(std::initializer_list<const Tensor*> inputs) {
  for (const Tensor* x : inputs) {
    if (asks(x)) return true;
  }
  return false;
}

void record(Tensor& y, const std::vector<const Tensor*>& inputs, BackwardRule rule) {
  std::vector<std::shared_ptr<GradNode>> nodes;
  bool any = false;
  for (const Tensor* x : inputs) {
    nodes.push_back(asks(x) ? x->grad_node() : nullptr);
    any = any || nodes.back();
  }
  if (!any) return;
  auto node = std::make_shared<GradNode>();
  node->inputs = std::move(nodes);
  node->shape = y.shape();
  node->backward = [rule = std::move(rule)](const Tensor& dy,
                                            const std::vector<std::shared_ptr<GradNode>>& to) {
    rule(dy, Asked(to));
  };
  y.set_grad_node(std::move(node));
}

void record(Tensor& y, std::initializer_list<const Tensor*> inputs, BackwardRule rule) {
  if (wants_gradient(inputs)) record(y, std::vector<const Tensor*>(inputs), std::move(rule));
}

void refuse_gradient(const char* op, std::initializer_list<const Tensor*> inputs) {
  if (!wants_gradient(inputs)) return;
  throw Error(ErrorCode::kUnsupported, fmt::format("{} has no gradient", op));
}

void collect(GradNode& node, const Tensor& share) {
  check_share(node, share);
  if (node.view) return collect_view(node, share);
  if (!node.collected.defined()) {
    node.collected = contiguous(share.detached());
    node.shared = true;
  } else if (node.shared) {
    node.collected = add(node.collected, contiguous(share.detached()));
    node.shared = false;
  } else {
    accumulate(share, node.collected);
  }
}

}  // namespace dq::ops
