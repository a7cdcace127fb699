#include "base/process_memory.h"

#include <fstream>
#include <string>

namespace dq {
namespace {

std::int64_t status_kib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t value = 0;
    if (word == field + ":" && status >> value) return value;
  }
  return 0;
}

}  // namespace

std::int64_t resident_bytes() {
  return status_kib("VmRSS") * 1024;
}
std::int64_t resident_anonymous_bytes() {
  return status_kib("RssAnon") * 1024;
}
std::int64_t peak_resident_bytes() {
  return status_kib("VmHWM") * 1024;
}

void reset_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace dq
