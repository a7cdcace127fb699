#pragma once
// What every parser of weight files promises about what it returns.
#include "files/parsed_weights.h"

namespace dq::fuzz {

inline Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

// Stops the program where a tensor leaves its file, or its name could not be shown or written.
inline void check(const files::ParsedWeights& parsed, std::uint64_t file_size) {
  for (const files::TensorEntry& entry : parsed.tensors) {
    const bool inside = entry.offset <= file_size && entry.bytes <= file_size - entry.offset;
    const bool named = !entry.name.empty() && files::is_utf8(entry.name);
    if (!inside || !named || entry.shape.size() != entry.strides.size()) __builtin_trap();
    std::uint64_t last = 0;
    bool empty = false;
    for (std::size_t i = 0; i < entry.shape.size(); ++i) {
      empty |= entry.shape[i] == 0;
      last += static_cast<std::uint64_t>(entry.shape[i] - 1) * static_cast<std::uint64_t>(entry.strides[i]);
    }
    const auto element = static_cast<std::uint64_t>(size_of(entry.dtype));
    if (!empty && (last + 1) * element != entry.bytes) __builtin_trap();
    if (empty && entry.bytes != 0) __builtin_trap();
  }
}

}  // namespace dq::fuzz
