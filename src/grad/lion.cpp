#include "grad/optimizer.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

float sign(float x) {
  return static_cast<float>(x > 0) - static_cast<float>(x < 0);
}

class Lion final : public Optimizer {
 public:
  Lion(std::vector<Trained> trained, const LionOptions& options)
      : trained_(std::move(trained)), options_(options) {
    for (const Trained& t : trained_)
      means_.push_back(Tensor::zeros(t.leaf.device(), DType::kF32, t.leaf.shape()));
  }

  // c = β1·m + (1 − β1)·g, w ← w − rate·(sign(c) + decay·w), m ← β2·m + (1 − β2)·g (Algorithm 2).
  void step(double rate) override {
    const auto beta1 = static_cast<float>(options_.beta1), share1 = static_cast<float>(1 - options_.beta1),
               beta2 = static_cast<float>(options_.beta2), share2 = static_cast<float>(1 - options_.beta2);
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined()) continue;
      const double own = rate * trained_[i].rate;
      const auto step = static_cast<float>(own);
      const auto decay = static_cast<float>(trained_[i].decays ? options_.weight_decay : 0);
      Tensor leaf = trained_[i].leaf.detached();
      float *w = leaf.data<float>(), *m = means_[i].data<float>();
      const float* g = gradient.data<float>();
      in_pieces(leaf.device(), leaf.count(), [&](std::int64_t at, std::int64_t n) {
        for (std::int64_t k = at; k < at + n; ++k) {
          const float c = m[k] * beta1 + g[k] * share1;
          // A gradient that is not a number must not pass for none.
          w[k] = std::isnan(c) ? c : w[k] - step * (sign(c) + decay * w[k]);
          m[k] = m[k] * beta2 + g[k] * share2;
        }
      });
    }
  }

  State state() const override {
    State out;
    for (std::size_t i = 0; i < trained_.size(); ++i) out["first." + trained_[i].name] = means_[i];
    return out;
  }

  void load_state(const State& state) override {
    for (std::size_t i = 0; i < trained_.size(); ++i)
      take_state(state, "first." + trained_[i].name, means_[i]);
  }

 private:
  std::vector<Trained> trained_;
  LionOptions options_;
  std::vector<Tensor> means_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lion(std::vector<Trained> trained, const LionOptions& options) {
  return std::make_unique<Lion>(std::move(trained), options);
}

}  // namespace dq::grad
