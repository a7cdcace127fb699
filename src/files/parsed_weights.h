#pragma once
// What a parser makes of the bytes of one file. Parsers know no paths: they take bytes, so that a fuzz target
// or a test can feed them memory. Offsets in the entries count from the start of those bytes.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "files/weight_source.h"

namespace dq::files {

// Limits that hold for every format. They are far above any real checkpoint.
inline constexpr std::size_t kMaxTensors = 65'536;
inline constexpr std::size_t kMaxRank = 8;
inline constexpr std::size_t kMaxNameBytes = 1024;
inline constexpr std::size_t kMaxMetadataBytes = 16u << 20;  // keys and values together

struct ParsedWeights {
  std::vector<TensorEntry> tensors;  // `file` is empty
  std::map<std::string, std::string> metadata;
};

// Called now and then with bytes [offset, offset + size) that the parser has done with, so that a mapped
// file can give their memory back. May be empty.
using Release = std::function<void(std::uint64_t offset, std::uint64_t size)>;

// Throws kBadFile when a tensor's name is empty, longer than kMaxNameBytes, not UTF-8 or holds control
// characters.
void check_name(const std::string& name);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

// Row-major strides of a shape, in elements. The product of the shape must fit (checked by the caller).
Shape row_major_strides(const Shape& shape);

}  // namespace dq::files
