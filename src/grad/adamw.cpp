#include "grad/adamw_rule.h"
#include "grad/optimizer.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

struct Moments {
  Tensor first, second;
};

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
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined()) continue;
      const AdamWStep s = adamw_step(options_, trained_[i], rate, count_);
      Tensor leaf = trained_[i].leaf.detached();
      Moments& m = moments_[i];
      in_pieces(leaf.device(), leaf.count(), [&](std::int64_t at, std::int64_t n) {
        adamw_update(s, gradient.data<float>() + at, leaf.data<float>() + at, m.first.data<float>() + at,
                     m.second.data<float>() + at, n);
      });
    }
  }

  State state() const override {
    State out;
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      out["first." + trained_[i].name] = moments_[i].first;
      out["second." + trained_[i].name] = moments_[i].second;
    }
    if (!trained_.empty()) out["steps"] = count_tensor(trained_[0].leaf.device(), count_);
    return out;
  }

  void load_state(const State& state) override {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      take_state(state, "first." + trained_[i].name, moments_[i].first);
      take_state(state, "second." + trained_[i].name, moments_[i].second);
    }
    if (!trained_.empty()) count_ = take_count(state, "steps", trained_[0].leaf.device());
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

}  // namespace dq::grad
