#pragma once
// Included by kernel sources only; the rules of simd.h hold.
#include "ops/cpu/norm_kernel.h"
#include "ops/cpu/rms_norm_kernels.h"

namespace dq::ops::cpu {
namespace {

template <class Isa>
struct RmsNormLoops {
  using Vec = VecOf<Isa>;

  // Σ a·b·(c or 1). Lanes behind the end load as 0. Four sums at once hide the latency of each.
  static float dot(const float* a, const float* b, const float* c, std::int64_t n) {
    const auto term = [&](std::int64_t i, Vec sum, auto load) {
      const Vec v = c ? load(b + i) * load(c + i) : load(b + i);
      return Isa::fma(load(a + i), v, sum);
    };
    const auto whole = [](const float* p) { return Isa::load(p); };
    constexpr std::int64_t kStep = Isa::kWidth;
    Vec s0 = Isa::zero(), s1 = Isa::zero(), s2 = Isa::zero(), s3 = Isa::zero();
    std::int64_t i = 0;
    for (; i + 4 * kStep <= n; i += 4 * kStep) {
      s0 = term(i, s0, whole);
      s1 = term(i + kStep, s1, whole);
      s2 = term(i + 2 * kStep, s2, whole);
      s3 = term(i + 3 * kStep, s3, whole);
    }
    each_vector<Isa>(n - i, [&](std::int64_t at, auto load, auto) { s0 = term(i + at, s0, load); });
    return Isa::sum((s0 + s1) + (s2 + s3));
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
