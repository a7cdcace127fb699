#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <new>

#include "base/error.h"

namespace dq::text {
namespace {

using enum CharClass;

struct ClassRange {
  char32_t first, last;
  CharClass kind;
};

struct LowerRun {
  char32_t first, last;
  std::uint32_t step;
  std::int32_t difference;
};

struct Range {
  char32_t first, last;
};

#include "text/unicode_tables.inc"

// The row of an ordered table that contains c, or null.
template <class Row, std::size_t N>
const Row* find_row(const Row (&table)[N], char32_t c) {
  const Row* row = std::upper_bound(std::begin(table), std::end(table), c,
                                    [](char32_t value, const Row& r) { return value < r.first; });
  if (row == std::begin(table)) return nullptr;
  --row;
  return c <= row->last ? row : nullptr;
}

constexpr char32_t kReplacement = 0xFFFD;

// What a lead byte promises: the number of bytes that follow and the range of the first of them (Unicode 15,
// table 3-7). count < 0: not a lead byte.
struct Lead {
  int count;
  unsigned char low, high;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte >= 0xE0 && byte <= 0xEF) {
    return {2, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte >= 0xF0 && byte <= 0xF4) {
    return {3, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {-1, 0, 0};
}

bool is_combining(char32_t c) {
  return c >= 0x300 && find_row(kCombining, c) != nullptr;
}

// utf8proc knows marks and compositions that are younger than our NFC. A cut next to them keeps them as they
// are: marks do not move over it and nothing composes over it.
bool is_cut(char32_t left, char32_t right) {
  const auto is_younger_mark = [](char32_t c) {
    return c >= 0x300 && utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class != 0 &&
           !is_combining(c);
  };
  if (left >= 0x10000 && !is_combining(left) && !find_row(kComposing, left)) return true;
  return is_younger_mark(left) || is_younger_mark(right);
}

void append_composed(std::u32string& out, std::u32string_view text) {
  std::string bytes = encode_utf8(text);
  utf8proc_uint8_t* composed = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                                             static_cast<utf8proc_ssize_t>(bytes.size()), &composed, options);
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (size < 0) throw Error(ErrorCode::kInternal, utf8proc_errmsg(size));
  out += decode_utf8({reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size)});
  std::free(composed);
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i++]);
    if (first < 0x80) {
      out.push_back(first);
      continue;
    }
    Lead lead = lead_of(first);
    char32_t c = first & (0x3Fu >> std::max(lead.count, 0));
    int left = lead.count;
    for (; left > 0 && i < bytes.size(); --left) {
      const auto next = static_cast<unsigned char>(bytes[i]);
      if (next < lead.low || next > lead.high) break;
      c = (c << 6) | (next & 0x3Fu);
      lead.low = 0x80;
      lead.high = 0xBF;
      ++i;
    }
    out.push_back(left == 0 ? c : kReplacement);
  }
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

CharClass char_class(char32_t c) {
  if (c < 0x80) {
    const auto between = [c](char32_t a, char32_t b) { return c >= a && c <= b; };
    if (between('a', 'z') || between('A', 'Z')) return kLetter;
    if (between('0', '9')) return kNumber;
    return c == ' ' || between('\t', '\r') ? kSpace : kOther;
  }
  const ClassRange* range = find_row(kClasses, c);
  return range ? range->kind : kOther;
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    const LowerRun* run = c == 0x130 ? nullptr : find_row(kLower, c);
    if (c == 0x130) {
      out += U"i\u0307";
    } else if (run && (c - run->first) % run->step == 0) {
      out.push_back(static_cast<char32_t>(static_cast<std::int32_t>(c) + run->difference));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::u32string compose(std::u32string_view text) {
  // Nothing below U+0300 decomposes into, or composes with, something below U+0300.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; }))
    return std::u32string(text);
  std::u32string out;
  out.reserve(text.size());
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    if (i < text.size() && !is_cut(text[i - 1], text[i])) continue;
    append_composed(out, text.substr(begin, i - begin));
    begin = i;
  }
  return out;
}

}  // namespace dq::text
