#pragma once
// The safetensors format (github.com/huggingface/safetensors, README "Format"):
//
//   u64 little-endian N │ N bytes of JSON, padded with blanks │ tensor data to the end of the file
//
//   {"__metadata__": {"key": "text", …},
//    "name": {"dtype": "F16", "shape": [320, 4], "data_offsets": [begin, end]}, …}
//
// Offsets count from the end of the header. The tensors cover the data without hole or overlap, so that no
// byte of a valid file is without meaning.
#include "files/parsed_weights.h"

namespace dq::files {

inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

// Where the tensor data starts: 8 + N. Throws kBadFile unless the header fits into the file and the limit.
std::uint64_t safetensors_data_start(Bytes file);

// Parses and checks the whole header. Throws kBadFile (key, offset) and kUnsupported (a legal element type
// that Danqing has no use for yet).
ParsedWeights parse_safetensors(Bytes file, const Release& release = {});

}  // namespace dq::files
