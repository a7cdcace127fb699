#pragma once
// How the learning rate changes over a run.
#include <cstdint>
#include <string>
#include <string_view>

namespace dq::grad {

enum class Schedule : std::uint8_t {
  kConstant,
  kLinear,          // to 0
  kCosine,          // half a wave to 0 (Loshchilov & Hutter 2017)
  kCosineRestarts,  // several half waves, each from the top
  kRex,             // (1 − p)/(1 − p/2) (Chen et al. 2021)
};

// "constant", "linear", "cosine", "cosine_restarts", "rex"; throws kInvalidArgument naming them.
Schedule schedule_named(std::string_view name);

struct ScheduleShape {
  int cycles = 3;         // kCosineRestarts
  double least = 0;       // where "to 0" ends instead
  std::int64_t fall = 0;  // kConstant: steps at the end over which the rate falls evenly to that
};

// The share of the rate at a step, counted from 0. It rises evenly over the first `warmup` steps.
double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t steps, std::int64_t warmup,
                       const ScheduleShape& shape = {});

}  // namespace dq::grad
