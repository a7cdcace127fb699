#include <algorithm>
#include <array>

#include "grad/adamw_rule.h"
#include "grad/dynamic_code.h"
#include "grad/optimizer.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

constexpr std::int64_t kLeastCoded = 4096;  // smaller leaves gain little and are often norms and biases
static_assert(kPiece % kCodeBlock == 0);

// One moment of a leaf.
struct Moment {
  Tensor values;  // f32, or u8 codes, of the leaf's shape
  Tensor peaks;   // f32 [blocks]; undefined when values are f32
};

bool is_coded(const Tensor& leaf) {
  return leaf.count() >= kLeastCoded;
}

class AdamW8Bit final : public Optimizer {
 public:
  AdamW8Bit(std::vector<Trained> trained, const AdamWOptions& options)
      : trained_(std::move(trained)), options_(options) {
    for (const Trained& t : trained_) {
      first_.push_back(empty_moment(t.leaf, first_code_));
      second_.push_back(empty_moment(t.leaf, second_code_));
    }
  }

  void step(double rate) override {
    ++count_;
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor gradient = grad::gradient(trained_[i].leaf);
      if (!gradient.defined()) continue;
      const AdamWStep s = adamw_step(options_, trained_[i], rate, count_);
      Tensor leaf = trained_[i].leaf.detached();
      const float* g = gradient.data<float>();
      float* w = leaf.data<float>();
      if (is_coded(leaf)) {
        move_coded(s, leaf, g, first_[i], second_[i]);
        continue;
      }
      adamw_update(s, g, w, first_[i].values.data<float>(), second_[i].values.data<float>(), leaf.count());
    }
  }

  State state() const override {
    State out;
    const auto put = [&](const std::string& name, const Moment& m) {
      out[name] = m.values;
      if (m.peaks.defined()) out[name + ".peaks"] = m.peaks;
    };
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      put("first." + trained_[i].name, first_[i]);
      put("second." + trained_[i].name, second_[i]);
    }
    if (!trained_.empty()) out["steps"] = count_tensor(trained_[0].leaf.device(), count_);
    return out;
  }

  void load_state(const State& state) override {
    const auto take = [&](const std::string& name, const Moment& m) {
      take_state(state, name, m.values);
      if (m.peaks.defined()) take_state(state, name + ".peaks", m.peaks);
    };
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      take("first." + trained_[i].name, first_[i]);
      take("second." + trained_[i].name, second_[i]);
    }
    if (!trained_.empty()) count_ = take_count(state, "steps", trained_[0].leaf.device());
  }

 private:
  static Moment empty_moment(const Tensor& leaf, const DynamicCode& code) {
    Device& device = leaf.device();
    if (!is_coded(leaf)) return {Tensor::zeros(device, DType::kF32, leaf.shape()), {}};
    const std::int64_t blocks = (leaf.count() + kCodeBlock - 1) / kCodeBlock;
    Moment m{Tensor::empty(device, DType::kU8, leaf.shape()), Tensor::zeros(device, DType::kF32, {blocks})};
    const std::array<float, 1> zero{};
    std::uint8_t none = 0;
    code.encode(zero.data(), 1, &none);
    std::fill_n(m.values.data<std::uint8_t>(), m.values.count(), none);
    return m;
  }

  // Block by block: decode, step in f32, encode. The step itself uses the moments before they are rounded.
  void move_coded(const AdamWStep& s, Tensor& leaf, const float* g, Moment& first, Moment& second) const {
    float* w = leaf.data<float>();
    std::uint8_t *codes1 = first.values.data<std::uint8_t>(), *codes2 = second.values.data<std::uint8_t>();
    float *peaks1 = first.peaks.data<float>(), *peaks2 = second.peaks.data<float>();
    in_pieces(leaf.device(), leaf.count(), [&](std::int64_t from, std::int64_t count) {
      std::array<float, kCodeBlock> m, v;
      for (std::int64_t at = from; at < from + count; at += kCodeBlock) {
        const std::int64_t n = std::min(kCodeBlock, from + count - at), block = at / kCodeBlock;
        first_code_.decode(codes1 + at, n, peaks1[block], m.data());
        second_code_.decode(codes2 + at, n, peaks2[block], v.data());
        adamw_update(s, g + at, w + at, m.data(), v.data(), n);
        peaks1[block] = first_code_.encode(m.data(), n, codes1 + at);
        peaks2[block] = second_code_.encode(v.data(), n, codes2 + at);
      }
    });
  }

  std::vector<Trained> trained_;
  AdamWOptions options_;
  DynamicCode first_code_{DynamicCode::Sign::kSigned}, second_code_{DynamicCode::Sign::kUnsigned};
  std::vector<Moment> first_, second_;
  std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw_8bit(std::vector<Trained> trained, const AdamWOptions& options) {
  return std::make_unique<AdamW8Bit>(std::move(trained), options);
}

}  // namespace dq::grad
