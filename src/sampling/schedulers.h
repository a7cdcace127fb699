#pragma once
// Which noise levels a picture passes through. Names and rules are ComfyUI's; WebUI's labels are aliases.
#include <span>
#include <string_view>
#include <vector>

#include "sampling/sigma_table.h"

namespace dq::sampling {

struct Scheduler {
  std::string_view name;   // "sgm_uniform"
  std::string_view label;  // WebUI's: "SGM Uniform"
  // `steps` ≥ 1 levels, falling, then 0 (ddim_uniform may give more, beta fewer).
  std::vector<double> (*sigmas)(const SigmaTable& table, int steps);
};

// Every scheduler, in the order in which they are shown.
std::span<const Scheduler> schedulers();

// By name or label, in any case; throws kInvalidArgument listing near names.
const Scheduler& find_scheduler(std::string_view name);
// As above, or null.
const Scheduler* try_find_scheduler(std::string_view name);

struct ScheduleRequest {
  int steps = 20;
  double denoise = 1;             // below 1: only the last part of a longer schedule, `steps` steps of it
  bool drop_penultimate = false;  // the sampler's wish: one step more, without the level before 0
};

// The noise levels for a sampler: each a float's value, falling, the last one 0 in general. Empty when
// denoise is 0: nothing is to be done.
std::vector<double> make_sigmas(const Scheduler& scheduler, const SigmaTable& table,
                                const ScheduleRequest& request);

}  // namespace dq::sampling
