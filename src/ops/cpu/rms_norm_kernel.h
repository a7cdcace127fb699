#pragma once
// Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/norm_kernel.h"
#include "ops/cpu/rms_norm_kernels.h"

namespace dq::ops::cpu {
namespace {

template <class Isa>
struct RmsNormLoops {
  using Vec = VecOf<Isa>;

  // Σ a·b·(c or 1). Lanes behind the end load as 0.
  static float dot(const float* a, const float* b, const float* c, std::int64_t n) {
    Vec sum = Isa::zero();
    each_vector<Isa>(n, [&](std::int64_t i, auto load, auto) {
      const Vec v = c ? load(b + i) * load(c + i) : load(b + i);
      sum = Isa::fma(load(a + i), v, sum);
    });
    return Isa::sum(sum);
  }

  static float inverse(const RmsNormRow& r) {
    const auto count = static_cast<float>(r.width);
    return 1 / __builtin_sqrtf(dot(r.x, r.x, nullptr, r.width) / count + r.eps);
  }

  static void row(const RmsNormRow& r, float* y) {
    const Vec scale = Isa::set1(inverse(r));
    each_vector<Isa>(r.width, [&](std::int64_t i, auto load, auto store) {
      const Vec normal = load(r.x + i) * scale;
      store(y + i, r.weight ? normal * load(r.weight + i) : normal);
    });
  }

  // x̂ = x/σ: dx = (w·dy − x̂·⟨w·dy·x̂⟩)/σ, dw += dy·x̂.
  static void gradient_row(const RmsNormRow& r, const float* dy, float* dx, float* dweight) {
    const float s = inverse(r);
    const Vec scale = Isa::set1(s);
    if (dx) {
      const float along = dot(r.x, dy, r.weight, r.width) * s / static_cast<float>(r.width);
      const Vec share = Isa::set1(along * s);
      each_vector<Isa>(r.width, [&](std::int64_t i, auto load, auto store) {
        const Vec d = r.weight ? load(dy + i) * load(r.weight + i) : load(dy + i);
        store(dx + i, scale * Isa::fnma(load(r.x + i), share, d));
      });
    }
    if (dweight) {
      each_vector<Isa>(r.width, [&](std::int64_t i, auto load, auto store) {
        store(dweight + i, Isa::fma(load(dy + i), load(r.x + i) * scale, load(dweight + i)));
      });
    }
  }

  static constexpr RmsNormKernels kernels() { return {row, gradient_row}; }
};

}  // namespace
}  // namespace dq::ops::cpu
