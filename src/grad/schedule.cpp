#include "grad/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/near_names.h"

namespace dq::grad {
namespace {

struct Name {
  std::string_view name;
  Schedule schedule;
};
constexpr std::array<Name, 5> kNames{{{"constant", Schedule::kConstant},
                                      {"linear", Schedule::kLinear},
                                      {"cosine", Schedule::kCosine},
                                      {"cosine_restarts", Schedule::kCosineRestarts},
                                      {"rex", Schedule::kRex}}};

// From 1 to 0, p in [0, 1).
double falling(Schedule schedule, double p, int cycles) {
  switch (schedule) {
    case Schedule::kConstant:
      break;
    case Schedule::kLinear:
      return 1 - p;
    case Schedule::kCosine:
      return 0.5 * (1 + std::cos(std::numbers::pi * p));
    case Schedule::kCosineRestarts:
      return 0.5 * (1 + std::cos(std::numbers::pi * std::fmod(cycles * p, 1.0)));
    case Schedule::kRex:
      return (1 - p) / (1 - p / 2);
  }
  return 1;
}

}  // namespace

Schedule schedule_named(std::string_view name) {
  std::vector<std::string> all;
  for (const Name& row : kNames) {
    if (row.name == name) return row.schedule;
    all.emplace_back(row.name);
  }
  const std::vector<std::string> near = near_names(name, all);
  throw Error(ErrorCode::kInvalidArgument, fmt::format("there is no schedule called {}", printable(name)))
      .hint(near.empty() ? "There are constant, linear, cosine, cosine_restarts and rex"
                         : did_you_mean(near));
}

double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t steps, std::int64_t warmup,
                       const ScheduleShape& shape) {
  if (step < warmup)
    return static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, warmup));
  if (schedule == Schedule::kConstant) {
    const std::int64_t left = steps - step;  // of the fall's steps, the first is the first that is lower
    if (left > shape.fall || shape.fall == 0) return 1;
    return shape.least + (1 - shape.least) * static_cast<double>(std::max<std::int64_t>(left, 0)) /
                             static_cast<double>(shape.fall + 1);
  }
  const double p =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, steps - warmup));
  return shape.least + (1 - shape.least) * (p >= 1 ? 0 : falling(schedule, p, shape.cycles));
}

}  // namespace dq::grad
