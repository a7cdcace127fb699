#pragma once
// The only way parsers read untrusted bytes: a cursor that refuses to leave its span.
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/error.h"

namespace dq {

using Bytes = std::span<const std::byte>;

static_assert(std::endian::native == std::endian::little, "Danqing reads little-endian files in place");

class ByteReader {
 public:
  // `base` is the offset of bytes[0] in the file, so that errors name the place in the file.
  explicit ByteReader(Bytes bytes, std::uint64_t base = 0) : bytes_(bytes), base_(base) {}

  std::size_t left() const { return bytes_.size() - pos_; }
  std::uint64_t offset() const { return base_ + pos_; }
  bool at_end() const { return left() == 0; }

  // The next n bytes; throws kBadFile at this offset when fewer are left.
  Bytes take(std::uint64_t n, const char* what) {
    if (n > left()) {
      throw Error(ErrorCode::kBadFile, std::string("the file ends inside ") + what).at(offset());
    }
    const Bytes out = bytes_.subspan(pos_, static_cast<std::size_t>(n));
    pos_ += static_cast<std::size_t>(n);
    return out;
  }

  std::string_view take_text(std::uint64_t n, const char* what) {
    const Bytes b = take(n, what);
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }

  template <std::integral T>
  T little(const char* what) {
    T value{};
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  template <std::integral T>
  T big(const char* what) {
    T value{};
    for (const std::byte b : take(sizeof(T), what)) {
      value = static_cast<T>((static_cast<std::uint64_t>(value) << 8) | static_cast<std::uint64_t>(b));
    }
    return value;
  }

  void skip(std::uint64_t n, const char* what) { take(n, what); }

  void seek(std::uint64_t position, const char* what) {
    if (position > bytes_.size()) {
      throw Error(ErrorCode::kBadFile, std::string(what) + " points outside the file").at(offset());
    }
    pos_ = static_cast<std::size_t>(position);
  }

 private:
  Bytes bytes_;
  std::uint64_t base_;
  std::size_t pos_ = 0;
};

}  // namespace dq
