#include "files/json_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dq::files {
namespace {

constexpr std::uint64_t kProgressStep = 1u << 20;

struct Text {
  const char* data;
  std::uint64_t size;
  JsonPosition& position;
  const std::function<void(std::uint64_t)>& progress;
  std::uint64_t next_check = 0, next_progress = kProgressStep;

  // Called where the token grows too long or progress is to be told, and after each event, which may set
  // another limit.
  void check() {
    if (position.consumed - position.token_start > position.max_token) {
      throw Error(ErrorCode::kBadFile, "a JSON token is too long").at(position.token_start);
    }
    if (position.consumed >= next_progress) {
      if (progress) progress(position.consumed);
      next_progress = position.consumed + kProgressStep;
    }
    next_check = std::min(position.token_start + position.max_token + 1, next_progress);
  }
};

// An input iterator that counts. The parser keeps the whole of a token in memory, so a token that grows
// past its limit is stopped here, before it is stored.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator() = default;
  CountingIterator(Text* text, std::uint64_t index) : text_(text), index_(index) {}

  reference operator*() const { return text_->data[index_]; }
  CountingIterator& operator++() {
    text_->position.consumed = ++index_;
    if (index_ >= text_->next_check) text_->check();
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return index_ == other.index_; }
  bool operator!=(const CountingIterator& other) const { return index_ != other.index_; }

 private:
  Text* text_ = nullptr;
  std::uint64_t index_ = 0;
};

// Hands nlohmann's events on, and watches the depth.
class Adapter {
 public:
  Adapter(Text& text, JsonEvents& events, int max_depth)
      : text_(text), events_(events), max_depth_(max_depth) {}

  bool null() { return other("null"); }
  bool boolean(bool) { return other("a truth value"); }
  bool number_integer(std::int64_t) { return other("a negative number"); }
  bool number_float(double, const std::string&) { return other("a number that is not a whole one"); }
  bool binary(nlohmann::json::binary_t&) { return other("binary data"); }
  bool number_unsigned(std::uint64_t value) {
    events_.on_unsigned(value);
    return done();
  }
  bool string(std::string& value) {
    events_.on_string(value);
    return done();
  }
  bool key(std::string& name) {
    events_.on_key(name);
    return done();
  }
  bool start_object(std::size_t) {
    enter();
    events_.on_object_begin();
    return done();
  }
  bool start_array(std::size_t) {
    enter();
    events_.on_array_begin();
    return done();
  }
  bool end_object() {
    --depth_;
    events_.on_object_end();
    return done();
  }
  bool end_array() {
    --depth_;
    events_.on_array_end();
    return done();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line …: reason" → the reason.
    const std::string text = e.what();
    const std::size_t colon = text.find(": ");
    const std::string reason = colon == std::string::npos ? text : text.substr(colon + 2);
    throw Error(ErrorCode::kBadFile, "the JSON text is malformed: " + printable(reason, 160))
        .at(events_.position.consumed);
  }

 private:
  bool other(const char* what) {
    events_.on_other(what);
    return done();
  }
  bool done() {
    events_.position.token_start = events_.position.consumed;
    text_.check();
    return true;
  }
  void enter() {
    if (++depth_ > max_depth_) {
      throw Error(ErrorCode::kBadFile, fmt::format("the JSON text is nested deeper than {}", max_depth_))
          .at(events_.position.consumed);
    }
  }

  Text& text_;
  JsonEvents& events_;
  int max_depth_;
  int depth_ = 0;
};

}  // namespace

void JsonEvents::refuse(const char* what) const {
  throw Error(ErrorCode::kBadFile, fmt::format("{} stands where the format has no place for it", what))
      .at(position.consumed);
}

std::uint64_t parse_json(Bytes bytes, std::uint64_t base, int max_depth, JsonEvents& events,
                         const std::function<void(std::uint64_t)>& progress) {
  events.position.consumed = 0;
  events.position.token_start = 0;
  Text text{reinterpret_cast<const char*>(bytes.data()), bytes.size(), events.position, progress};
  Adapter adapter(text, events, max_depth);
  try {
    // Not strict: the parser would keep trailing blanks in memory. The caller looks at what follows.
    nlohmann::json::sax_parse(CountingIterator(&text, 0), CountingIterator(&text, text.size), &adapter,
                              nlohmann::json::input_format_t::json, false);
  } catch (Error& error) {
    if (error.offset()) error.at(*error.offset() + base);
    throw;
  }
  return events.position.consumed;
}

}  // namespace dq::files
