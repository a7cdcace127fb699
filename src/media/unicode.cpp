#include "media/unicode.h"

#include <algorithm>
#include <vector>

namespace dq::media {

namespace {

// Reads one code point at `i` and moves past it; −1 when the bytes there are not UTF-8.
std::int32_t next_code(std::string_view text, std::size_t& i) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(text[k]); };
  const std::uint8_t lead = byte(i);
  if (lead < 0x80) return static_cast<std::int32_t>(byte(i++));
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - i <= more) return -1;
  std::int32_t code = lead & (0x3f >> more);
  for (std::size_t k = 1; k <= more; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return -1;
    code = (code << 6) | (byte(i + k) & 0x3f);
  }
  constexpr std::int32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return -1;
  i += more + 1;
  return code;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (next_code(text, i) < 0) return false;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<std::uint8_t>(c) < 0x80; });
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | (code >> 6));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) append_utf8(out, static_cast<std::uint8_t>(c));
  return out;
}

std::string to_utf8(std::string_view text) {
  return is_utf8(text) ? std::string(text) : latin1_to_utf8(text);
}

std::string utf16_to_utf8(Bytes text, std::endian order) {
  const std::size_t units = text.size() / 2;
  const std::size_t high = order == std::endian::big ? 0 : 1;
  const auto unit = [&](std::size_t i) {
    return (static_cast<char32_t>(text[2 * i + high]) << 8) | static_cast<char32_t>(text[2 * i + 1 - high]);
  };
  std::string out;
  out.reserve(units);
  for (std::size_t i = 0; i < units; ++i) {
    char32_t code = unit(i);
    if (code >= 0xd800 && code < 0xe000) {
      const char32_t low = code < 0xdc00 && i + 1 < units ? unit(i + 1) : 0;
      const bool pair = low >= 0xdc00 && low < 0xe000;
      code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
      if (pair) ++i;
    }
    append_utf8(out, code);
  }
  return out;
}

std::vector<std::byte> utf8_to_utf16be(std::string_view text) {
  std::vector<std::byte> out;
  out.reserve(text.size() * 2);
  const auto put = [&](std::int32_t unit) {
    out.push_back(static_cast<std::byte>(unit >> 8));
    out.push_back(static_cast<std::byte>(unit & 0xff));
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::int32_t code = next_code(text, i);
    if (code < 0) throw Error(ErrorCode::kInternal, "utf8_to_utf16be was given text that is not UTF-8");
    if (code < 0x10000) {
      put(code);
    } else {
      put(0xd800 + ((code - 0x10000) >> 10));
      put(0xdc00 + (code & 0x3ff));
    }
  }
  return out;
}

}  // namespace dq::media
