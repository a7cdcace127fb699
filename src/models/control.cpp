#include "models/control.h"

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::models {

std::vector<Tensor> control_residuals(const DenoiserInput& input) {
  std::vector<Tensor> sum;
  for (const Control& control : input.controls) {
    std::vector<Tensor> added = (*control.net)(input, control.hint);
    if (!sum.empty() && sum.size() != added.size()) {
      throw Error(ErrorCode::kInvalidArgument, "these control nets are not for the same kind of model");
    }
    for (std::size_t i = 0; i < added.size(); ++i) {
      if (sum.size() == i) {
        sum.push_back(control.strength == 1 ? std::move(added[i])
                                            : ops::combine({{control.strength, &added[i]}}));
      } else {
        sum[i] = ops::combine({{1, &sum[i]}, {control.strength, &added[i]}});
      }
    }
  }
  return sum;
}

}  // namespace dq::models
