#pragma once
// Tells what a file is from its first bytes. The extension is never asked: a pickle renamed to .safetensors
// is a pickle.
#include "base/byte_reader.h"

namespace dq::files {

enum class FileKind {
  kEmpty,
  kSafetensors,
  kZip,     // PyTorch ≥ 1.6, TorchScript, or any other zip
  kPickle,  // PyTorch < 1.6, or a bare pickle
  kJson,    // perhaps an index of shards
  kGguf,
  kGitLfsPointer,
  kWebPage,
  kOnnx,
  kOtherArchive,  // tar, gzip, 7z, rar
  kHdf5,
  kImage,
  kUnknown,
};

FileKind sniff(Bytes file);

}  // namespace dq::files
