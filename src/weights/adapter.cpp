#include "weights/adapter.h"

#include <algorithm>

#include "base/error.h"

namespace dq::weights {

Tensor Adapter::side(const Tensor&, const Tensor&, const AdaptedLayer&) const {
  throw Error(ErrorCode::kInternal, "this adapter has no side path");
}

bool Adapter::is_trained() const {
  const std::vector<AdapterPart> all = parts();
  return std::any_of(all.begin(), all.end(), [](const AdapterPart& p) { return p.value.grad_node(); });
}

}  // namespace dq::weights
