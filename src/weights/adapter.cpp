#include "weights/adapter.h"

namespace dq::weights {

Tensor Adapter::side(const Tensor&, const Tensor& y, const AdaptedLayer&) const {
  return y;
}

Tensor Adapter::changed(const Tensor& weight) const {
  return weight;
}

}  // namespace dq::weights
