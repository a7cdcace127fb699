#pragma once
// One-line messages for the person, on standard error. Folders below app/ receive a Log; none is global.
#include <functional>
#include <string>

namespace dq {

enum class LogLevel { kInfo, kWarning };

// Called with a finished sentence, without a newline. May be empty: then nobody listens.
using Log = std::function<void(LogLevel, const std::string&)>;

inline void say(const Log& log, LogLevel level, const std::string& text) {
  if (log) log(level, text);
}

}  // namespace dq
