#include "files/hashes.h"

#include <algorithm>
#include <optional>

#include "base/sha256.h"
#include "files/safetensors.h"
#include "files/sniff.h"

namespace dq::files {
namespace {

constexpr std::uint64_t kChunk = 4u << 20;
constexpr std::uint64_t kAutoV1Begin = 1u << 20, kAutoV1End = kAutoV1Begin + (64u << 10);

// The part of bytes [offset, offset + chunk.size()) of the file that lies in [begin, end).
Bytes overlap(Bytes chunk, std::uint64_t offset, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t from = std::clamp(begin, offset, offset + chunk.size());
  const std::uint64_t to = std::clamp(end, from, offset + chunk.size());
  return chunk.subspan(static_cast<std::size_t>(from - offset), static_cast<std::size_t>(to - from));
}

// Where the tensors of a safetensors file begin; nothing for any other file.
std::optional<std::uint64_t> tensors_begin(Bytes file) {
  if (sniff(file) != FileKind::kSafetensors) return std::nullopt;
  try {
    return safetensors_data_start(file);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

FileHashes hash_file(const MappedFile& file, const HashProgress& progress) {
  const Bytes bytes = file.bytes();
  const std::optional<std::uint64_t> data_begin = tensors_begin(bytes);
  Sha256 whole, early, tensors;
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += kChunk) {
    if (progress && !progress(offset, bytes.size())) {
      throw Error(ErrorCode::kCancelled, "the hashing was stopped").in(file.path().string());
    }
    file.check_not_truncated();
    const auto size = std::min<std::uint64_t>(kChunk, bytes.size() - offset);
    const Bytes chunk = bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
    whole.update(chunk);
    early.update(overlap(chunk, offset, kAutoV1Begin, kAutoV1End));
    if (data_begin) tensors.update(overlap(chunk, offset, *data_begin, bytes.size()));
    file.drop(offset, size);
  }
  if (progress) progress(bytes.size(), bytes.size());
  FileHashes out;
  out.sha256 = whole.finish_hex();
  out.auto_v2 = out.sha256.substr(0, 10);
  out.auto_v1 = early.finish_hex().substr(0, 8);
  if (data_begin) {
    out.tensors = tensors.finish_hex();
    out.auto_v3 = out.tensors.substr(0, 12);
  }
  return out;
}

}  // namespace dq::files
