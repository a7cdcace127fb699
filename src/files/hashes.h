#pragma once
// The hashes by which people and sites name weight files. All are SHA-256 in lower-case hex, in full or cut
// short.
#include <functional>
#include <string>

#include "base/mapped_file.h"

namespace dq::files {

struct FileHashes {
  std::string auto_v1;  // 8 digits, of the 64 KiB at 1 MiB: the first "model hash" of the WebUI; collides
  std::string auto_v2;  // 10 digits of sha256: the WebUI's "Model hash"
  std::string auto_v3;  // 12 digits, of the bytes after a safetensors header; survives edits of the metadata.
                        // Else empty
  std::string tensors;  // auto_v3 in full: sshs_model_hash, modelspec.hash_sha256
  std::string sha256;   // of the whole file
};

// Called with the bytes done and the bytes there are; false stops.
using HashProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// Reads the file once. Throws kCancelled when the callback says so, kBadFile when the file shrinks meanwhile.
FileHashes hash_file(const MappedFile& file, const HashProgress& progress = {});

}  // namespace dq::files
