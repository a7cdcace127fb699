#include "pipeline/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace dq::pipeline {
namespace {

// The files of a control group, in both versions of the kernel's interface.
struct GroupFiles {
  const char *limit, *held, *inactive, *active;
};
constexpr GroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                               "total_active_file"},
    kVersion2{"memory.max", "memory.current", "inactive_file", "active_file"};

// What one group's limit leaves; everything when there is none.
std::int64_t left_in(const std::filesystem::path& group, const GroupFiles& files) {
  std::int64_t most = 0, held = 0, cached = 0;
  if (!(std::ifstream(group / files.limit) >> most) || !(std::ifstream(group / files.held) >> held))
    return std::numeric_limits<std::int64_t>::max();
  std::ifstream stat(group / "memory.stat");
  std::int64_t bytes = 0;
  for (std::string name; stat >> name >> bytes;) {
    if (name == files.inactive || name == files.active) cached += bytes;
  }
  return std::max<std::int64_t>(most - std::max<std::int64_t>(held - cached, 0), 0);
}

// The least that a group and those around it leave. In a container the path may be the host's; then only what
// the container sees as the outermost group is there.
std::int64_t left_in(const std::filesystem::path& mount, const std::string& path, const GroupFiles& files) {
  std::int64_t left = left_in(mount, files);
  std::filesystem::path group = mount;
  for (const std::filesystem::path& part : std::filesystem::path(path).relative_path()) {
    if (part == "..") break;
    group /= part;
    left = std::min(left, left_in(group, files));
  }
  return left;
}

}  // namespace

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

std::int64_t available_memory(const std::filesystem::path& root) {
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  std::ifstream info(root / "proc/meminfo");
  for (std::string word; info >> word;) {
    std::int64_t kib = 0;
    if (word == "MemAvailable:" && info >> kib) available = kib * 1024;
  }
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/user.slice", "4:memory:/docker/1f0a"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    if (controllers.empty())
      available = std::min(available, left_in(root / "sys/fs/cgroup", path, kVersion2));
    if (controllers == "memory")
      available = std::min(available, left_in(root / "sys/fs/cgroup/memory", path, kVersion1));
  }
  return available;
}

std::string memory_text(std::int64_t bytes) {
  const auto mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1000 ? fmt::format("{:.0f} MB", std::ceil(mib)) : fmt::format("{:.1f} GB", mib / 1024);
}

}  // namespace dq::pipeline
