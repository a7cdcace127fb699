#include "ops/cpu/backward_loops.h"

#include "ops/cpu/norm_kernel.h"

namespace dq::ops::cpu {
namespace {

using Isa = Avx2;
using Vec = Isa::Vec;

// The slope of each activation at x.
template <Activation kAct>
Vec slope(Vec x) {
  const Vec one = Isa::set1(1.0f);
  if constexpr (kAct == Activation::kSilu) {
    const Vec s = sigmoid<Isa>(x);
    return s * Isa::fma(x, one - s, one);
  } else if constexpr (kAct == Activation::kQuickGelu) {
    const Vec s = sigmoid<Isa>(x * Isa::set1(1.702f));
    return s * Isa::fma(x * Isa::set1(1.702f), one - s, one);
  } else if constexpr (kAct == Activation::kGelu) {
    const Vec density = Isa::set1(0.3989422804014327f) * exp<Isa>(x * x * Isa::set1(-0.5f));
    return Isa::fma(x, density, normal_cdf<Isa>(x));
  } else if constexpr (kAct == Activation::kGeluTanh) {
    const Vec cubic = Isa::fma(x * x, x * Isa::set1(0.044715f), x);
    const Vec s = sigmoid<Isa>(cubic * Isa::set1(1.5957691216057308f));
    const Vec inner = Isa::set1(1.5957691216057308f) * Isa::fma(x * x, Isa::set1(0.134145f), one);
    return s * Isa::fma(x * inner, one - s, one);
  } else {
    return one;
  }
}

// body(std::integral_constant-like tag) for the activation at hand.
template <Activation kAct>
struct ActTag {
  static constexpr Activation value = kAct;
};

template <class Body>
void with_activation(Activation act, const Body& body) {
  switch (act) {
    case Activation::kNone:
      return body(ActTag<Activation::kNone>{});
    case Activation::kSilu:
      return body(ActTag<Activation::kSilu>{});
    case Activation::kGelu:
      return body(ActTag<Activation::kGelu>{});
    case Activation::kGeluTanh:
      return body(ActTag<Activation::kGeluTanh>{});
    case Activation::kQuickGelu:
      return body(ActTag<Activation::kQuickGelu>{});
  }
}

void add_vector(double* to, Vec v, int count) {
  alignas(32) float lanes[Isa::kWidth];
  Isa::store(lanes, v);
  for (int i = 0; i < count; ++i) to[i] += lanes[i];
}

// Σ f(c) over a row; f is given a load that knows the row's end. Four sums at once hide the latency of each.
template <class F>
double row_sum(std::int64_t width, const F& f) {
  const auto load = [](const float* p) { return Isa::load(p); };
  constexpr std::int64_t kStep = Isa::kWidth;
  Vec s0 = Isa::zero(), s1 = Isa::zero(), s2 = Isa::zero(), s3 = Isa::zero();
  std::int64_t c = 0;
  for (; c + 4 * kStep <= width; c += 4 * kStep) {
    s0 = s0 + f(c, load);
    s1 = s1 + f(c + kStep, load);
    s2 = s2 + f(c + 2 * kStep, load);
    s3 = s3 + f(c + 3 * kStep, load);
  }
  for (; c + kStep <= width; c += kStep) s0 = s0 + f(c, load);
  double total = Isa::sum((s0 + s1) + (s2 + s3));
  const int rest = static_cast<int>(width - c);
  if (rest == 0) return total;
  alignas(32) float lanes[Isa::kWidth];
  Isa::store(lanes, f(c, [rest](const float* p) { return Isa::load_n(p, rest); }));
  for (int i = 0; i < rest; ++i) total += lanes[i];
  return total;
}

// Sums in f32 run over at most this many pixels before they are added in f64.
constexpr std::int64_t kRun = 64;

std::int64_t run_length(std::int64_t left) {
  return left < kRun ? left : kRun;
}

// Calls body(c, tag, load, store) for blocks of tag::value vectors of channels: four, so that a pixel's piece
// of a block is whole cache lines, then single ones, of which the last may be shorter.
template <int kVectors>
struct BlockTag {
  static constexpr int value = kVectors;
};

template <class Body>
void each_block(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + 4 * Isa::kWidth <= channels; c += 4 * Isa::kWidth) {
    body(
        c, BlockTag<4>{}, [](const float* p) { return Isa::load(p); },
        [](float* p, Vec v) { Isa::store(p, v); });
  }
  each_vector<Isa>(channels - c,
                   [&](std::int64_t i, auto load, auto store) { body(c + i, BlockTag<1>{}, load, store); });
}

int lanes_at(std::int64_t channels, std::int64_t c) {
  return static_cast<int>(channels - c < Isa::kWidth ? channels - c : Isa::kWidth);
}

}  // namespace

void add_to(const float* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += x[i];
}

void multiply_rows(const float* a, const float* b, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

void activation_gradient(const float* x, const float* dy, std::int64_t n, Activation act, float* dx) {
  with_activation(act, [&](auto tag) {
    each_vector<Isa>(n, [&](std::int64_t i, auto load, auto store) {
      store(dx + i, load(dy + i) * slope<decltype(tag)::value>(load(x + i)));
    });
  });
}

void geglu_row(const float* x, std::int64_t n, float* y) {
  each_vector<Isa>(n, [&](std::int64_t i, auto load, auto store) {
    store(y + i, load(x + i) * gelu<Isa>(load(x + n + i)));
  });
}

void geglu_gradient_row(const float* x, const float* dy, std::int64_t n, float* dx) {
  each_vector<Isa>(n, [&](std::int64_t i, auto load, auto store) {
    const Vec value = load(x + i), gate = load(x + n + i), d = load(dy + i);
    store(dx + i, d * gelu<Isa>(gate));
    store(dx + n + i, d * value * slope<Activation::kGelu>(gate));
  });
}

void channel_moments(const float* x, std::int64_t pixels, std::int64_t channels, const float* first,
                     double* sum, double* squares) {
  for (std::int64_t p = 0; p < pixels; p += kRun) {
    const std::int64_t run = run_length(pixels - p);
    each_block(channels, [&](std::int64_t c, auto tag, auto load, auto) {
      constexpr int kVectors = decltype(tag)::value;
      Vec origin[kVectors], s[kVectors], q[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        origin[v] = load(first + c + v * Isa::kWidth);
        s[v] = q[v] = Isa::zero();
      }
      for (std::int64_t i = 0; i < run; ++i) {
        const float* pixel = x + (p + i) * channels + c;
        for (int v = 0; v < kVectors; ++v) {
          const Vec d = load(pixel + v * Isa::kWidth) - origin[v];
          s[v] = s[v] + d;
          q[v] = Isa::fma(d, d, q[v]);
        }
      }
      for (int v = 0; v < kVectors; ++v) {
        const std::int64_t at = c + v * Isa::kWidth;
        add_vector(sum + at, s[v], lanes_at(channels, at));
        add_vector(squares + at, q[v], lanes_at(channels, at));
      }
    });
  }
}

void norm_gradient_sums(const float* x, const float* dy, std::int64_t pixels, std::int64_t channels,
                        const ChannelNorm& norm, Activation act, float* dz, double* sum, double* product) {
  with_activation(act, [&](auto act_tag) {
    constexpr Activation kAct = decltype(act_tag)::value;
    for (std::int64_t p = 0; p < pixels; p += kRun) {
      const std::int64_t run = run_length(pixels - p);
      each_block(channels, [&](std::int64_t c, auto tag, auto load, auto store) {
        constexpr int kVectors = decltype(tag)::value;
        Vec s[kVectors], q[kVectors];
        for (int v = 0; v < kVectors; ++v) s[v] = q[v] = Isa::zero();
        for (std::int64_t i = 0; i < run; ++i) {
          for (int v = 0; v < kVectors; ++v) {
            const std::int64_t channel = c + v * Isa::kWidth, at = (p + i) * channels + channel;
            const Vec normal = (load(x + at) - load(norm.mean + channel)) * load(norm.scale + channel);
            Vec d = load(dy + at);
            if constexpr (kAct != Activation::kNone) {
              d = d * slope<kAct>(Isa::fma(normal, load(norm.weight + channel), load(norm.bias + channel)));
            }
            if (dz) store(dz + at, d);
            s[v] = s[v] + d;
            q[v] = Isa::fma(d, normal, q[v]);
          }
        }
        for (int v = 0; v < kVectors; ++v) {
          const std::int64_t at = c + v * Isa::kWidth;
          add_vector(sum + at, s[v], lanes_at(channels, at));
          add_vector(product + at, q[v], lanes_at(channels, at));
        }
      });
    }
  });
}

void norm_gradient_map(const float* x, std::int64_t pixels, std::int64_t channels, const ChannelNorm& norm,
                       const float* m1, const float* m2, float* dz) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    each_vector<Isa>(channels, [&](std::int64_t c, auto load, auto store) {
      const std::int64_t at = p * channels + c;
      const Vec scale = load(norm.scale + c), normal = (load(x + at) - load(norm.mean + c)) * scale;
      const Vec centred = Isa::fma(load(norm.weight + c), load(dz + at), -load(m1 + c));
      store(dz + at, scale * Isa::fnma(normal, load(m2 + c), centred));
    });
  }
}

void layer_norm_gradient_row(const LayerNormRow& r) {
  const auto count = static_cast<double>(r.width);
  const auto weighted = [&](std::int64_t c, auto load) {
    return r.weight ? load(r.dy + c) * load(r.weight + c) : load(r.dy + c);
  };
  const Vec start = Isa::set1(r.x[0]);
  const double shift = row_sum(r.width, [&](std::int64_t c, auto load) { return load(r.x + c) - start; });
  const auto mean = static_cast<float>(r.x[0] + shift / count);
  // The mean cut to f32, and what was cut off.
  const Vec middle = Isa::set1(mean), left = Isa::set1(static_cast<float>(r.x[0] + shift / count - mean));
  const auto centred = [&](std::int64_t c, auto load) { return (load(r.x + c) - middle) - left; };
  const double squares = row_sum(r.width, [&](std::int64_t c, auto load) {
    const Vec d = centred(c, load);
    return d * d;
  });
  const Vec scale = Isa::set1(static_cast<float>(1 / __builtin_sqrt(squares / count + r.eps)));
  const double m1 = row_sum(r.width, weighted);
  const double m2 = row_sum(
      r.width, [&](std::int64_t c, auto load) { return weighted(c, load) * (centred(c, load) * scale); });
  const Vec mean1 = Isa::set1(static_cast<float>(m1 / count)),
            mean2 = Isa::set1(static_cast<float>(m2 / count));
  each_vector<Isa>(r.width, [&](std::int64_t c, auto load, auto store) {
    const Vec normal = centred(c, load) * scale, dy = load(r.dy + c);
    if (r.dx) store(r.dx + c, scale * (weighted(c, load) - mean1 - normal * mean2));
    if (r.dweight) store(r.dweight + c, Isa::fma(dy, normal, load(r.dweight + c)));
    if (r.dbias) store(r.dbias + c, load(r.dbias + c) + dy);
  });
}

void softmax_weights_row(float* s, std::int64_t n, std::int64_t seen, float scale, const float* bias,
                         float log_sum) {
  const Vec factor = Isa::set1(scale * kLog2E), unit = Isa::set1(kLog2E), base = Isa::set1(log_sum);
  each_vector<Isa>(seen, [&](std::int64_t i, auto load, auto store) {
    Vec logit = factor * load(s + i);
    if (bias) logit = Isa::fma(unit, load(bias + i), logit);
    store(s + i, exp2_nonpositive<Isa>(logit - base));
  });
  for (std::int64_t i = seen; i < n; ++i) s[i] = 0;
}

void softmax_gradient_row(const float* p, float* dp, std::int64_t n, float mean) {
  for (std::int64_t i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - mean);
}

float dot(const float* a, const float* b, std::int64_t n) {
  Vec sum = Isa::zero();
  each_vector<Isa>(n,
                   [&](std::int64_t i, auto load, auto) { sum = Isa::fma(load(a + i), load(b + i), sum); });
  return Isa::sum(sum);
}

void pack_columns(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t width, std::int64_t nr,
                  float* panels) {
  for (std::int64_t first = 0; first < width; first += nr) {
    const std::int64_t have = width - first < nr ? width - first : nr;
    for (std::int64_t r = 0; r < rows; ++r, panels += nr) {
      for (std::int64_t c = 0; c < have; ++c) panels[c] = x[r * stride + first + c];
      for (std::int64_t c = have; c < nr; ++c) panels[c] = 0;
    }
  }
}

void pack_rows_as_columns(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t width,
                          std::int64_t nr, float* panels) {
  for (std::int64_t first = 0; first < rows; first += nr, panels += nr * width) {
    const std::int64_t have = rows - first < nr ? rows - first : nr;
    for (std::int64_t r = 0; r < nr; ++r) {
      for (std::int64_t c = 0; c < width; ++c)
        panels[c * nr + r] = r < have ? x[(first + r) * stride + c] : 0;
    }
  }
}

}  // namespace dq::ops::cpu
