#include "pipeline/memory_budget.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace dq::pipeline {

std::int64_t parse_memory(const std::string& text) {
  const char* begin = text.c_str();
  char* end = nullptr;
  const double number = std::strtod(begin, &end);
  double unit = 0;
  const std::string suffix(end);
  if (suffix.empty()) unit = 1;
  if (suffix == "M" || suffix == "MB" || suffix == "MiB" || suffix == "m") unit = 1 << 20;
  if (suffix == "G" || suffix == "GB" || suffix == "GiB" || suffix == "g") unit = 1 << 30;
  const double bytes = number * unit;
  if (end == begin || unit == 0 || !(bytes >= 64.0 * (1 << 20)) || bytes > 1e15) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is not an amount of memory", printable(text)))
        .hint("Write --memory 3G or --memory 800M; 64M is the least");
  }
  return static_cast<std::int64_t>(bytes);
}

std::int64_t available_memory() {
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::int64_t kib = 0;
    if (word == "MemAvailable:" && info >> kib) available = kib * 1024;
  }
  std::ifstream limit("/sys/fs/cgroup/memory.max"), used("/sys/fs/cgroup/memory.current");
  std::int64_t most = 0, now = 0;
  if (limit >> most && used >> now) available = std::min(available, std::max<std::int64_t>(most - now, 0));
  return available;
}

std::string memory_text(std::int64_t bytes) {
  const auto mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1000 ? fmt::format("{:.0f} MB", std::ceil(mib)) : fmt::format("{:.1f} GB", mib / 1024);
}

}  // namespace dq::pipeline
