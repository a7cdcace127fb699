#pragma once
// A whole run: pictures in, a trained file out. It can be stopped at any moment and goes on where it was
// saved last, to the same file as a run that was never stopped.
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/log.h"
#include "train/dataset.h"
#include "train/plan.h"
#include "train/request.h"

namespace dq::train {

enum class TrainStage : std::uint8_t {
  kReading,
  kEncoding,
  kLoading,
  kMeasuring,
  kTraining,
  kSaving,
  kPainting
};
std::string_view to_string(TrainStage stage);

struct TrainProgress {
  TrainStage stage{};
  std::int64_t done = 0, all = 0;  // pictures or steps
  double loss = 0;                 // kTraining: the mean of the last steps
  double seconds_per_step = 0;     // 0 while unknown
};

struct TrainerOptions {
  std::filesystem::path cache;  // for latents; empty: nothing is kept
  std::filesystem::path logs;   // folder of loss.png, samples and a TensorBoard log; empty: none
  std::int64_t memory = 0;      // bytes that the run may take; 0: what is free
  bool resume = false;          // go on from the run's state beside the output
  std::function<void(const TrainProgress&)> on_progress;
  // Once, before the first step; the request with every default filled in.
  std::function<void(const Plan&, const TrainRequest&)> on_plan;
  std::function<bool()> cancelled;  // asked before every step; true saves and ends with kCancelled
  Log log;
};

struct TrainResult {
  std::filesystem::path file;
  std::int64_t steps = 0;
  double loss = 0;                           // the mean of the last tenth
  std::map<std::int64_t, float> validation;  // the loss on fixed pictures and noise, by step
  std::filesystem::path best;                // of the kept files the one with the lowest
  std::int64_t best_step = 0;
  int kept = 0;                // how many there are, the last included
  std::filesystem::path grid;  // sample pictures of the base and of strengths; empty: none were painted
  Dataset data;                // what was used and left out
  TrainRequest request;        // with every default filled in
};

// Throws what reading, opening and loading throw; kUnsupported for a base that cannot be trained here;
// kCancelled after saving; kInvalidArgument when a state to go on from is another run's; kInternal when the
// loss stays non-finite after several smaller rates.
TrainResult train(Device& device, TrainRequest request, const TrainerOptions& options);

// Where a run keeps its state: beside the output.
std::filesystem::path state_path(const std::filesystem::path& output);

}  // namespace dq::train
