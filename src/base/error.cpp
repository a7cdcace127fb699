#include "base/error.h"

#include <fmt/format.h>

#include <utility>

namespace dq {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kBadFile:
      return "bad file";
    case ErrorCode::kUnsupported:
      return "not supported";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kOutOfMemory:
      return "out of memory";
    case ErrorCode::kDiskFull:
      return "disk full";
    case ErrorCode::kIo:
      return "input/output error";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal error";
  }
  return "unknown error";
}

Error::Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {
  compose();
}

Error& Error::in(std::string file) {
  file_ = std::move(file);
  compose();
  return *this;
}

Error& Error::key(std::string name) {
  key_ = std::move(name);
  compose();
  return *this;
}

Error& Error::at(std::uint64_t byte_offset) {
  offset_ = byte_offset;
  compose();
  return *this;
}

Error& Error::hint(std::string what_to_do) {
  hint_ = std::move(what_to_do);
  compose();
  return *this;
}

void Error::compose() {
  std::string where;
  const auto append = [&where](std::string part) {
    if (!where.empty()) where += ", ";
    where += part;
  };
  if (!file_.empty()) append("file " + printable(file_, 400));
  if (!key_.empty()) append("key " + printable(key_));
  if (offset_) append(fmt::format("at byte {}", *offset_));
  what_ = message_;
  if (!where.empty()) what_ += " (" + where + ")";
  if (!hint_.empty()) what_ += ". " + hint_;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (const char c : text.substr(0, max_bytes)) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f) {
      out += fmt::format("\\x{:02x}", u);
    } else {
      out += c;
    }
  }
  if (text.size() > max_bytes) out += "…";
  return out;
}

}  // namespace dq
