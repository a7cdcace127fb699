#include "models/unet/stage.h"

namespace dq::models::unet {

Tensor Stage::run(Tensor h, const Tensor& silu_time, const DenoiserInput& input) const {
  const auto through = [this](Tensor y, const Tensor& time, const Tensor& context) {
    if (residual) y = (*residual)(y, time);
    if (attention) y = (*attention)(y, context);
    if (down) y = (*down)(y);
    return y;
  };
  if (!input.around) return through(std::move(h), silu_time, input.context);
  const Block block = [through](const std::vector<Tensor>& in) { return through(in[0], in[1], in[2]); };
  return (*input.around)(block, {std::move(h), silu_time, input.context});
}

}  // namespace dq::models::unet
