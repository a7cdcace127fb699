#include "grad/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "base/near_names.h"
#include "grad/optimizer_parts.h"
#include "grad/tape.h"

namespace dq::grad {
namespace {

constexpr double kBelowOne = 1 - 0x1p-24;  // 1 − β must not vanish in f32
constexpr double kPositive = 1e-37, kLarge = 1e6;

// Reads options by name, and at the end knows which nobody asked for.
class OptionReader {
 public:
  OptionReader(std::string_view optimizer, const OptimizerOptions& options)
      : optimizer_(optimizer), options_(options) {}

  void take(const char* name, double& value, double least, double most) {
    known_.emplace_back(name);
    const auto it = options_.find(name);
    if (it == options_.end()) return;
    if (!(it->second >= least && it->second <= most)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}'s {} cannot be {}", optimizer_, name, it->second))
          .hint(fmt::format("It is a number from {} to {}.", least, most));
    }
    value = it->second;
  }
  void take(const char* name, bool& value) {
    double number = value ? 1 : 0;
    take(name, number, 0, 1);
    if (number != 0 && number != 1) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}'s {} cannot be {}", optimizer_, name, number))
          .hint("It is 1 (on) or 0 (off).");
    }
    value = number != 0;
  }

  // Throws when there are options that were not taken.
  void finish() const {
    for (const auto& [name, value] : options_) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the optimiser {} has no option {}", optimizer_, printable(name)))
          .hint(fmt::format("It has {}.", fmt::join(known_, ", ")));
    }
  }

 private:
  std::string_view optimizer_;
  const OptimizerOptions& options_;
  std::vector<std::string> known_;
};

AdamWOptions adamw_options(OptionReader& read) {
  AdamWOptions o;
  read.take("beta1", o.beta1, 0, kBelowOne);
  read.take("beta2", o.beta2, 0, kBelowOne);
  read.take("eps", o.eps, kPositive, 1);
  read.take("weight_decay", o.weight_decay, 0, kLarge);
  read.finish();
  return o;
}

AdafactorOptions adafactor_options(OptionReader& read) {
  AdafactorOptions o;
  read.take("eps_square", o.eps_square, kPositive, 1);
  read.take("eps_scale", o.eps_scale, 0, 1);
  read.take("clip_threshold", o.clip_threshold, kPositive, kLarge);
  read.take("decay_rate", o.decay_rate, 0, 1);
  read.take("beta1", o.beta1, 0, kBelowOne);
  read.take("weight_decay", o.weight_decay, 0, kLarge);
  read.take("scale_parameter", o.scale_parameter);
  read.take("relative_step", o.relative_step);
  read.take("warmup_init", o.warmup_init);
  read.finish();
  if (o.warmup_init && !o.relative_step) {
    throw Error(ErrorCode::kInvalidArgument, "adafactor's warmup_init needs relative_step")
        .hint("Set relative_step to 1, or warmup_init to 0 and warm up with the schedule.");
  }
  return o;
}

LionOptions lion_options(OptionReader& read) {
  LionOptions o;
  read.take("beta1", o.beta1, 0, kBelowOne);
  read.take("beta2", o.beta2, 0, kBelowOne);
  read.take("weight_decay", o.weight_decay, 0, kLarge);
  read.finish();
  return o;
}

ProdigyOptions prodigy_options(OptionReader& read) {
  ProdigyOptions o;
  read.take("beta1", o.beta1, 0, kBelowOne);
  read.take("beta2", o.beta2, 0, kBelowOne);
  read.take("beta3", o.beta3, 0, kBelowOne);
  read.take("eps", o.eps, kPositive, 1);
  read.take("weight_decay", o.weight_decay, 0, kLarge);
  read.take("d0", o.d0, 1e-16, kLarge);
  read.take("d_coef", o.d_coef, kPositive, kLarge);
  read.take("growth_rate", o.growth_rate, 1, std::numeric_limits<double>::infinity());
  read.take("decouple", o.decouple);
  read.take("use_bias_correction", o.use_bias_correction);
  read.take("safeguard_warmup", o.safeguard_warmup);
  read.finish();
  return o;
}

struct Kind {
  std::string_view name;
  int bytes_a_weight;
  std::unique_ptr<Optimizer> (*make)(std::vector<Trained> trained, OptionReader& read);
};
using Leaves = std::vector<Trained>;
using Made = std::unique_ptr<Optimizer>;
constexpr std::array<Kind, 5> kKinds{{
    {"adafactor", 0,
     [](Leaves t, OptionReader& r) -> Made { return make_adafactor(std::move(t), adafactor_options(r)); }},
    {"adamw", 8,
     [](Leaves t, OptionReader& r) -> Made { return make_adamw(std::move(t), adamw_options(r)); }},
    {"adamw8bit", 2,
     [](Leaves t, OptionReader& r) -> Made { return make_adamw_8bit(std::move(t), adamw_options(r)); }},
    {"lion", 4, [](Leaves t, OptionReader& r) -> Made { return make_lion(std::move(t), lion_options(r)); }},
    {"prodigy", 16,
     [](Leaves t, OptionReader& r) -> Made { return make_prodigy(std::move(t), prodigy_options(r)); }},
}};

const Kind& find_kind(std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind;
  }
  const std::vector<std::string> all = optimizer_names(), near = near_names(name, all);
  throw Error(ErrorCode::kInvalidArgument, fmt::format("there is no optimiser called {}", printable(name)))
      .hint(
          fmt::format("{}There are {}.", near.empty() ? "" : did_you_mean(near) + " ", fmt::join(all, ", ")));
}

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, std::vector<Trained> trained,
                                          const OptimizerOptions& options) {
  OptionReader read(name, options);
  return find_kind(name).make(std::move(trained), read);
}

int bytes_a_weight(std::string_view name) {
  return find_kind(name).bytes_a_weight;
}

double gradient_norm(const std::vector<Trained>& trained) {
  double sum = 0;
  for (const Trained& t : trained) {
    const Tensor gradient = grad::gradient(t.leaf);
    if (gradient.defined()) sum += sum_of_squares(gradient);
  }
  return std::sqrt(sum);
}

void scale_gradients(const std::vector<Trained>& trained, double factor) {
  const auto by = static_cast<float>(factor);
  for (const Trained& t : trained) {
    const Tensor gradient = grad::gradient(t.leaf);
    if (!gradient.defined()) continue;
    // Into new memory: what a leaf has collected may be another's too.
    Tensor scaled = Tensor::empty(gradient.device(), DType::kF32, gradient.shape());
    const float* from = gradient.data<float>();
    float* to = scaled.data<float>();
    in_pieces(gradient.device(), gradient.count(), [&](std::int64_t at, std::int64_t n) {
      for (std::int64_t i = at; i < at + n; ++i) to[i] = from[i] * by;
    });
    set_gradient(t.leaf, scaled);
  }
}

double clip_gradients(const std::vector<Trained>& trained, double most) {
  const double norm = gradient_norm(trained);
  if (most > 0 && norm > most && std::isfinite(norm)) scale_gradients(trained, most / norm);
  return norm;
}

void clear_gradients(const std::vector<Trained>& trained) {
  for (const Trained& t : trained) clear_gradient(t.leaf);
}

}  // namespace dq::grad
