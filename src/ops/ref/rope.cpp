#include "ops/ref/reference.h"

namespace dq::ops::ref {

void rope(const Tensor& x, const RopeTables& tables, int heads, RopeForm form, bool inverse, Tensor& y) {
  const std::int64_t tokens = x.dim(1), width = x.dim(2), half = width / heads / 2;
  const Numbers from(x), cosines(tables.cos), sines(tables.sin);
  Results to(y);
  for (std::int64_t i = 0; i < y.count() / 2; ++i) {
    const std::int64_t pair = i % half, head = i / half % heads, row = i / half / heads;
    const std::int64_t angle = (tables.cos.rank() == 3 ? row : row % tokens) * half + pair;
    const double c = cosines[angle], s = inverse ? -sines[angle] : sines[angle];
    const bool halves = form == RopeForm::kHalves;
    const std::int64_t first = head * 2 * half + (halves ? pair : 2 * pair), step = halves ? half : 1;
    const std::int64_t start = element_offset(x, row * width);
    const double a = from[start + first], b = from[start + first + step];
    to.set(row * width + first, a * c - b * s);
    to.set(row * width + first + step, b * c + a * s);
  }
}

}  // namespace dq::ops::ref
