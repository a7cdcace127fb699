#pragma once
// The one error type of the program. It says what is wrong, where (file, key, byte offset) and what to do.
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace dq {

enum class ErrorCode {
  kInvalidArgument,  // the request is wrong: a bad option, a size out of range
  kBadFile,          // a file breaks the rules of its format, or is cut short
  kUnsupported,      // well-formed, but Danqing cannot do it (yet)
  kNotFound,         // a file, a tensor or a name is not there
  kOutOfMemory,
  kDiskFull,
  kIo,
  kCancelled,
  kInternal,  // our own mistake
};

std::string_view to_string(ErrorCode code);

// Thrown by every folder; turned into a message at the CLI, job and route boundaries.
// Build it in one expression: `throw Error(kBadFile, "…").in(file).key(name).at(offset).hint("…")`.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message);

  Error& in(std::string file);
  Error& key(std::string name);
  Error& at(std::uint64_t byte_offset);
  Error& hint(std::string what_to_do);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& file() const { return file_; }
  const std::string& key() const { return key_; }
  std::optional<std::uint64_t> offset() const { return offset_; }
  const std::string& hint() const { return hint_; }

  // "message (file …, key …, at byte …). What to do."
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  void compose();

  ErrorCode code_;
  std::string message_, file_, key_, hint_;
  std::optional<std::uint64_t> offset_;
  std::string what_;
};

// A file name or key as it may be shown in a terminal: control characters become \xNN, long text is cut.
std::string printable(std::string_view text, std::size_t max_bytes = 200);

}  // namespace dq
