#include "ops/rope.h"

#include <algorithm>

#include "ops/cpu/kernels.h"
#include "ops/cpu/rope_kernels.h"

namespace dq::ops::cpu {

void rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form, bool inverse, Tensor& y) {
  const std::int64_t tokens = x.dim(1), width = x.dim(2), half = width / heads / 2;
  const std::int64_t rows = x.dim(0) * tokens, per_task = std::max<std::int64_t>(1, (1 << 14) / width);
  const auto turn = form == RopeForm::kPairs ? turn_pairs : turn_halves;
  y.device().threads().parallel_for((rows + per_task - 1) / per_task, [&](std::int64_t task, int) {
    for (std::int64_t r = task * per_task; r < std::min(rows, (task + 1) * per_task); ++r) {
      const std::int64_t angle = (tables.cos.rank() == 3 ? r : r % tokens) * half;
      const std::int64_t from = r / tokens * x.strides()[0] + r % tokens * x.strides()[1];
      for (std::int64_t at = 0; at < width; at += 2 * half) {
        turn(x.data<float>() + from + at, tables.cos.data<float>() + angle, tables.sin.data<float>() + angle,
             inverse ? -1.0F : 1.0F, half, y.data<float>() + r * width + at);
      }
    }
  });
}

}  // namespace dq::ops::cpu
