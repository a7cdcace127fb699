#include "files/parsed_weights.h"

#include <algorithm>

#include "base/error.h"

namespace dq::files {

void check_name(const std::string& name) {
  if (name.empty()) throw Error(ErrorCode::kBadFile, "a tensor has an empty name");
  if (name.size() > kMaxNameBytes) {
    throw Error(ErrorCode::kBadFile, "a tensor's name is longer than 1 KiB").key(name);
  }
  if (!is_utf8(name)) throw Error(ErrorCode::kBadFile, "a tensor's name is not UTF-8").key(name);
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  });
  if (control) throw Error(ErrorCode::kBadFile, "a tensor's name holds control characters").key(name);
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  // A zero size makes the product zero whatever stands before it; 1 keeps the other strides from overflowing.
  for (std::size_t i = shape.size(); i-- > 1;) {
    if (__builtin_mul_overflow(strides[i], shape[i] == 0 ? 1 : shape[i], &strides[i - 1])) strides[i - 1] = 0;
  }
  return strides;
}

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80   ? 0
                     : lead < 0xc2 ? -1
                     : lead < 0xe0 ? 1
                     : lead < 0xf0 ? 2
                     : lead < 0xf5 ? 3
                                   : -1;
    if (more < 0 || text.size() - i <= static_cast<std::size_t>(more)) return false;
    for (int k = 1; k <= more; ++k) {
      const auto c = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      // The second byte rules out overlong forms (e0, f0), surrogates (ed) and numbers above U+10FFFF (f4).
      const unsigned low = k > 1 ? 0x80u : lead == 0xe0 ? 0xa0u : lead == 0xf0 ? 0x90u : 0x80u;
      const unsigned high = k > 1 ? 0xbfu : lead == 0xed ? 0x9fu : lead == 0xf4 ? 0x8fu : 0xbfu;
      if (c < low || c > high) return false;
    }
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

}  // namespace dq::files
