#pragma once
// Trains the judge on single concepts before random backgrounds, blurred, noisy and shifted as a painted
// picture may be.
#include <filesystem>
#include <functional>

#include "mini/compose.h"
#include "mini/judge.h"

namespace dq::mini {

struct JudgeOptions {
  std::uint64_t seed = 1;
  int steps = 6000, batch = 64, warmup = 100;
  double rate = 2e-3;
  int save_every = 1000;
  std::filesystem::path output;  // the state lies beside it
  bool resume = false;
  std::function<void(int step, double loss)> on_step;
};

// Over every concept of the composer's catalogue. Writes options.output.
void train_judge(Device& device, const Composer& composer, const JudgeOptions& options);

// Picture `index` of an endless series: the concept and its picture, worn as training sees it.
struct Sample {
  int label = 0;
  media::Image image;
};
Sample judge_sample(const Composer& composer, const std::vector<int>& subjects, std::uint64_t seed,
                    std::uint64_t index);

struct JudgeScore {
  double first = 0, fifth = 0;  // shares whose concept is the best, or among the best five, of the subjects
  double first_of_all = 0;      // the same of all concepts
};
JudgeScore score_judge(const Judge& judge, const Composer& composer, const std::vector<int>& subjects,
                       int count);

}  // namespace dq::mini
