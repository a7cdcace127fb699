#pragma once
// What torch.save wrote before PyTorch 1.6, and still does on request: five pickles and the raw storages,
//
//   pickle: 0x1950a86a20f9469cfc6c │ pickle: 1001 │ pickle: {little_endian: True, …} │ pickle: the object
//   │ pickle: [key, …] │ for each key: u64 elements, elements
#include "files/parsed_weights.h"

namespace dq::files {

// Throws kBadFile and kUnsupported (big-endian, a bare pickle).
ParsedWeights parse_torch_legacy(Bytes file);

}  // namespace dq::files
