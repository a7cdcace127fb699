#pragma once
// The moving average of weights (EMA): it forgets the noise of the last steps and often paints better than
// they do (Polyak & Juditsky 1992).
#include "grad/optimizer.h"

namespace dq::grad {

class WeightAverage {
 public:
  // Starts from the leaves' values. decay in [0, 1), such as 0.999; throws kInvalidArgument outside.
  WeightAverage(std::vector<Trained> trained, double decay);

  // average ← d·average + (1 − d)·leaf, d = min(decay, (1 + n)/(10 + n)) at the n-th call, from 0: the first
  // steps are forgotten fast. After each step of the optimiser.
  void update();

  // Exchanges the leaves' values and the averages; the second call brings both back, bit for bit.
  void swap();

  // By leaf name; f32, the average's own memory (while swapped: the leaves' values before).
  std::map<std::string, Tensor> values() const;

  // By "value.NAME" and "updates". load_state throws kBadFile as Optimizer's.
  std::map<std::string, Tensor> state() const;
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  void check_not_swapped() const;

  std::vector<Trained> trained_;
  double decay_;
  std::vector<Tensor> values_;
  std::int64_t updates_ = 0;
  bool swapped_ = false;
};

// The leaves hold their averages as long as this lives: for a sample picture, or the file to write.
class AverageInPlace {
 public:
  explicit AverageInPlace(WeightAverage& average) : average_(average) { average_.swap(); }
  ~AverageInPlace() { average_.swap(); }
  AverageInPlace(const AverageInPlace&) = delete;
  AverageInPlace& operator=(const AverageInPlace&) = delete;

 private:
  WeightAverage& average_;
};

}  // namespace dq::grad
