#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "grad/optimizer.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"
#include "ops/elementwise.h"

namespace dq::grad {
namespace {

// What is remembered of a leaf, f32, of its shape.
struct Memory {
  Tensor first, second;  // moments of d·gradient
  Tensor sum;            // s: gradients, weighted by d²·rate/d0
  Tensor start;          // where the leaf set out
};

// One step's numbers, the same for every leaf.
struct Sums {
  float beta1, beta2, beta3;
  float of_first, of_second, of_sum;  // weights of a gradient in m and s, of its square in v
};

class Prodigy final : public Optimizer {
 public:
  Prodigy(std::vector<Trained> trained, const ProdigyOptions& options)
      : trained_(std::move(trained)), options_(options), d_(options.d0), d_max_(options.d0) {
    if (options_.beta3 < 0) options_.beta3 = std::sqrt(options_.beta2);
    for (const Trained& t : trained_) {
      const auto zeros = [&] { return Tensor::zeros(t.leaf.device(), DType::kF32, t.leaf.shape()); };
      memory_.push_back({zeros(), zeros(), zeros(), ops::copied(t.leaf.detached())});
    }
  }

  // Algorithm 4 of the paper, with the sums divided by d0 so that they do not underflow.
  void step(double rate) override {
    if (rate <= 0) return;
    const double k = static_cast<double>(count_ + 1);
    const double correction = options_.use_bias_correction ? std::sqrt(1 - std::pow(options_.beta2, k)) /
                                                                 (1 - std::pow(options_.beta1, k))
                                                           : 1;
    const double own = d_ * rate * correction;
    const double weight = d_ / options_.d0 * (options_.safeguard_warmup ? d_ : own);
    const Sums sums{static_cast<float>(options_.beta1),
                    static_cast<float>(options_.beta2),
                    static_cast<float>(options_.beta3),
                    static_cast<float>(d_ * (1 - options_.beta1)),
                    static_cast<float>(d_ * d_ * (1 - options_.beta2)),
                    static_cast<float>(weight)};
    double way = 0, size = 0;  // ⟨g, x0 − x⟩ and ‖s‖₁
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined() || trained_[i].rate == 0) continue;
      way += follow(sums, trained_[i], gradient, memory_[i]);
      size += sum_of_pieces(gradient.device(), gradient.count(), [&](std::int64_t at, std::int64_t n) {
        double sum = 0;
        for (std::int64_t j = at; j < at + n; ++j)
          sum += std::abs(static_cast<double>(memory_[i].sum.data<float>()[j]));
        return sum;
      });
    }
    if (size == 0) return;  // no gradient, or nothing but zeros
    way_ = way_ * options_.beta3 + d_ / options_.d0 * own * way;
    estimate(options_.d_coef * way_ / size);
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      if (grad::gradient(trained_[i].leaf).defined()) move(trained_[i], own * trained_[i].rate, memory_[i]);
    }
    ++count_;
  }

  State state() const override {
    State out;
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const std::string& name = trained_[i].name;
      out["first." + name] = memory_[i].first;
      out["second." + name] = memory_[i].second;
      out["sum." + name] = memory_[i].sum;
      out["start." + name] = memory_[i].start;
    }
    if (trained_.empty()) return out;
    Device& device = trained_[0].leaf.device();
    const std::array<double, 3> distance{d_, d_max_, way_};
    out["distance"] = Tensor::from(device, std::span<const double>(distance), {3});
    out["steps"] = count_tensor(device, count_);
    return out;
  }

  void load_state(const State& state) override {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const std::string& name = trained_[i].name;
      take_state(state, "first." + name, memory_[i].first);
      take_state(state, "second." + name, memory_[i].second);
      take_state(state, "sum." + name, memory_[i].sum);
      take_state(state, "start." + name, memory_[i].start);
    }
    if (trained_.empty()) return;
    Device& device = trained_[0].leaf.device();
    Tensor distance = Tensor::empty(device, DType::kF64, {3});
    take_state(state, "distance", distance);
    const double* values = distance.data<double>();
    if (!(values[0] > 0) || !(values[1] > 0)) {
      throw Error(ErrorCode::kBadFile, "the optimiser's state has no distance").key("distance");
    }
    d_ = values[0];
    d_max_ = values[1];
    way_ = values[2];
    count_ = take_count(state, "steps", device);
  }

 private:
  // Takes a gradient into the moments and into s; returns ⟨g, x0 − x⟩.
  double follow(const Sums& c, const Trained& t, const Tensor& gradient, Memory& memory) const {
    const bool coupled = !options_.decouple && t.decays && options_.weight_decay != 0;
    const auto decay = static_cast<float>(coupled ? options_.weight_decay : 0);
    const float *g = gradient.data<float>(), *w = t.leaf.data<float>(), *start = memory.start.data<float>();
    float *m = memory.first.data<float>(), *v = memory.second.data<float>(), *s = memory.sum.data<float>();
    return sum_of_pieces(gradient.device(), gradient.count(), [&](std::int64_t at, std::int64_t n) {
      double way = 0;
      for (std::int64_t k = at; k < at + n; ++k) {
        const float x = coupled ? g[k] + decay * w[k] : g[k];
        way += static_cast<double>(x) * static_cast<double>(start[k] - w[k]);
        m[k] = m[k] * c.beta1 + x * c.of_first;
        v[k] = v[k] * c.beta2 + x * x * c.of_second;
        s[k] = s[k] * c.beta3 + x * c.of_sum;
      }
      return way;
    });
  }

  void estimate(double d_hat) {
    if (d_ == options_.d0) d_ = std::max(d_, d_hat);
    d_max_ = std::max(d_max_, d_hat);
    d_ = std::min(d_max_, d_ * options_.growth_rate);
  }

  // The step itself is as long as d was before this step's estimate.
  void move(const Trained& t, double rate, Memory& memory) const {
    Tensor leaf = t.leaf.detached();
    const double decay = options_.decouple && t.decays ? options_.weight_decay : 0;
    // Apart from w: 1 − rate·decay in f32 is 1 as long as d is small.
    const auto lost = static_cast<float>(rate * decay), step = static_cast<float>(rate),
               eps = static_cast<float>(d_ * options_.eps);
    float* w = leaf.data<float>();
    const float *m = memory.first.data<float>(), *v = memory.second.data<float>();
    in_pieces(leaf.device(), leaf.count(), [&](std::int64_t at, std::int64_t n) {
      for (std::int64_t k = at; k < at + n; ++k) {
        w[k] -= lost * w[k];
        w[k] -= step * (m[k] / (std::sqrt(v[k]) + eps));
      }
    });
  }

  std::vector<Trained> trained_;
  ProdigyOptions options_;
  std::vector<Memory> memory_;
  double d_, d_max_;
  double way_ = 0;  // the weighted sum of ⟨g, x0 − x⟩
  std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_prodigy(std::vector<Trained> trained, const ProdigyOptions& options) {
  return std::make_unique<Prodigy>(std::move(trained), options);
}

}  // namespace dq::grad
