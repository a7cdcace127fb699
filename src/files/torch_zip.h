#pragma once
// What torch.save writes since PyTorch 1.6: a zip archive of stored entries under one folder,
//
//   NAME/data.pkl       a pickle that describes the tensors; their numbers are named by key
//   NAME/data/KEY       the numbers of one storage
//   NAME/version, byteorder, .data/serialization_id, .format_version, .storage_alignment
#include "files/parsed_weights.h"

namespace dq::files {

// Throws kBadFile, and kUnsupported for TorchScript programs, exported programs (.pt2), packed or big-endian
// archives.
ParsedWeights parse_torch_zip(Bytes file);

}  // namespace dq::files
