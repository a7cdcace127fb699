#pragma once
// Reads untrusted JSON event by event, without a tree: duplicates stay visible, memory stays small, and every
// complaint knows its byte. Built on nlohmann's SAX parser, which checks the grammar and the UTF-8.
#include <cstdint>
#include <functional>
#include <string>

#include "base/byte_reader.h"

namespace dq::files {

class JsonEvents;

// Which part of the text has been read, and how long one token may be.
struct JsonPosition {
  std::uint64_t consumed = 0;     // bytes read so far
  std::uint64_t token_start = 0;  // where the last event ended
  std::uint64_t max_token = 8192;
};

// The receiver. Each event that a document does not expect is refused by the default here.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void on_object_begin() { refuse("an object"); }
  virtual void on_object_end() {}
  virtual void on_array_begin() { refuse("an array"); }
  virtual void on_array_end() {}
  virtual void on_key(std::string& name) = 0;
  virtual void on_string(std::string&) { refuse("a string"); }
  virtual void on_unsigned(std::uint64_t) { refuse("a number"); }
  // Negative, fractional and huge numbers, true, false, null: no document here has a use for them.
  virtual void on_other(const char* what) { refuse(what); }

  JsonPosition position;

 protected:
  [[noreturn]] void refuse(const char* what) const;
};

// Parses one value starting at text[0]; `base` is added to the offsets in errors, `progress` is called every
// mebibyte with the bytes read. Returns the number of bytes that the value took. Throws kBadFile.
std::uint64_t parse_json(Bytes text, std::uint64_t base, int max_depth, JsonEvents& events,
                         const std::function<void(std::uint64_t)>& progress = {});

}  // namespace dq::files
