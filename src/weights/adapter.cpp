#include "weights/adapter.h"

#include <algorithm>

#include "base/error.h"

namespace dq::weights {

ops::LowRank Adapter::low_rank() const {
  throw Error(ErrorCode::kInternal, "this adapter does not stand beside a layer");
}

Tensor Adapter::side(const Tensor&, const Tensor&, const ops::Conv2dOptions&) const {
  throw Error(ErrorCode::kInternal, "this adapter does not stand beside a layer");
}

bool Adapter::is_trained() const {
  const std::vector<AdapterPart> all = parts();
  return std::any_of(all.begin(), all.end(), [](const AdapterPart& p) { return p.value.grad_node(); });
}

}  // namespace dq::weights
