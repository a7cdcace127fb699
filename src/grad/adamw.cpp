#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "grad/optimizer.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

constexpr std::int64_t kPiece = 1 << 14;

struct Moments {
  Tensor first, second;
};

// One step's numbers, the same for every element of a leaf.
struct Step {
  float keep;  // 1 − rate·decay
  float beta1, beta2;
  float rate;             // rate/(1 − β1ᵗ)
  float correction, eps;  // √(1 − β2ᵗ)
};

void update(const Step& s, const float* gradient, float* value, float* m, float* v, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    m[i] = m[i] + (g - m[i]) * (1 - s.beta1);
    v[i] = v[i] * s.beta2 + g * g * (1 - s.beta2);
    value[i] = value[i] * s.keep - s.rate * m[i] / (std::sqrt(v[i]) / s.correction + s.eps);
  }
}

class AdamW final : public Optimizer {
 public:
  AdamW(std::vector<Trained> trained, const AdamWOptions& options)
      : trained_(std::move(trained)), options_(options) {
    for (const Trained& t : trained_) {
      moments_.push_back({Tensor::zeros(t.leaf.device(), DType::kF32, t.leaf.shape()),
                          Tensor::zeros(t.leaf.device(), DType::kF32, t.leaf.shape())});
    }
  }

  void step(double rate) override {
    ++count_;
    const auto t = static_cast<double>(count_);
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined()) continue;
      const double own = rate * trained_[i].rate, decay = trained_[i].decays ? options_.weight_decay : 0;
      const Step s{static_cast<float>(1 - own * decay),
                   static_cast<float>(options_.beta1),
                   static_cast<float>(options_.beta2),
                   static_cast<float>(own / (1 - std::pow(options_.beta1, t))),
                   static_cast<float>(std::sqrt(1 - std::pow(options_.beta2, t))),
                   static_cast<float>(options_.eps)};
      Tensor leaf = trained_[i].leaf.detached();
      Moments& m = moments_[i];
      const std::int64_t n = leaf.count();
      leaf.device().threads().parallel_for((n + kPiece - 1) / kPiece, [&](std::int64_t piece, int) {
        const std::int64_t at = piece * kPiece;
        update(s, gradient.data<float>() + at, leaf.data<float>() + at, m.first.data<float>() + at,
               m.second.data<float>() + at, std::min(kPiece, n - at));
      });
    }
  }

  std::map<std::string, Tensor> state() const override {
    std::map<std::string, Tensor> out;
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      out["first." + trained_[i].name] = moments_[i].first;
      out["second." + trained_[i].name] = moments_[i].second;
    }
    if (!trained_.empty()) {
      // Two numbers, so that steps beyond 2²⁴ are exact.
      const float parts[]{static_cast<float>(count_ / 65536), static_cast<float>(count_ % 65536)};
      out["steps"] = Tensor::from(trained_[0].leaf.device(), parts, {2});
    }
    return out;
  }

  void load_state(const std::map<std::string, Tensor>& state) override {
    const auto find = [&](const std::string& name, const Shape& shape) {
      const auto it = state.find(name);
      if (it == state.end() || it->second.shape() != shape || it->second.dtype() != DType::kF32) {
        throw Error(ErrorCode::kBadFile, "the optimiser's state does not fit").key(name);
      }
      return it->second;
    };
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Shape& shape = trained_[i].leaf.shape();
      const Tensor first = find("first." + trained_[i].name, shape),
                   second = find("second." + trained_[i].name, shape);
      std::copy_n(first.data<float>(), first.count(), moments_[i].first.data<float>());
      std::copy_n(second.data<float>(), second.count(), moments_[i].second.data<float>());
    }
    if (trained_.empty()) return;
    const Tensor steps = find("steps", {2});
    count_ = static_cast<std::int64_t>(steps.data<float>()[0]) * 65536 +
             static_cast<std::int64_t>(steps.data<float>()[1]);
  }

 private:
  std::vector<Trained> trained_;
  AdamWOptions options_;
  std::vector<Moments> moments_;
  std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(std::vector<Trained> trained, const AdamWOptions& options) {
  return std::make_unique<AdamW>(std::move(trained), options);
}

double gradient_norm(const std::vector<Trained>& trained) {
  double sum = 0;
  for (const Trained& t : trained) {
    const Tensor gradient = grad::gradient(t.leaf);
    for (std::int64_t i = 0; gradient.defined() && i < gradient.count(); ++i) {
      sum += static_cast<double>(gradient.data<float>()[i]) * static_cast<double>(gradient.data<float>()[i]);
    }
  }
  return std::sqrt(sum);
}

void scale_gradients(const std::vector<Trained>& trained, double factor) {
  for (const Trained& t : trained) {
    const Tensor gradient = grad::gradient(t.leaf);
    if (!gradient.defined()) continue;
    Tensor scaled = Tensor::empty(gradient.device(), DType::kF32, gradient.shape());
    for (std::int64_t i = 0; i < gradient.count(); ++i) {
      scaled.data<float>()[i] = gradient.data<float>()[i] * static_cast<float>(factor);
    }
    set_gradient(t.leaf, scaled);
  }
}

void clear_gradients(const std::vector<Trained>& trained) {
  for (const Trained& t : trained) clear_gradient(t.leaf);
}

}  // namespace dq::grad
