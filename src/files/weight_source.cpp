#include "files/weight_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace dq::files {

std::string_view to_string(Format format) {
  switch (format) {
    case Format::kSafetensors:
      return "safetensors";
    case Format::kShardedSafetensors:
      return "safetensors in shards";
    case Format::kTorchZip:
      return "PyTorch zip";
    case Format::kTorchLegacy:
      return "PyTorch legacy pickle";
    case Format::kFolder:
      return "folder";
  }
  return "unknown";
}

const TensorEntry* WeightSource::find(std::string_view name) const {
  const auto it = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const TensorEntry& e, std::string_view n) { return e.name < n; });
  return it != tensors_.end() && it->name == name ? &*it : nullptr;
}

Tensor WeightSource::view(const TensorEntry& entry, Device& device) {
  if (!entry.file) throw Error(ErrorCode::kInternal, "a tensor without a file").key(entry.name);
  const Bytes file = entry.file->bytes();
  if (entry.bytes > file.size() || entry.offset > file.size() - entry.bytes) {
    throw Error(ErrorCode::kInternal, "a tensor outside its file").key(entry.name);
  }
  entry.file->check_not_truncated();
  const std::byte* data = file.data() + entry.offset;
  const auto alignment = static_cast<std::uintptr_t>(size_of(entry.dtype));
  if (reinterpret_cast<std::uintptr_t>(data) % alignment == 0) {
    return Tensor::wrap(device, entry.dtype, entry.shape, entry.strides, entry.file, data);
  }
  // Old writers did not pad the header, so the numbers may start at an odd byte. They cannot be read in
  // place.
  std::shared_ptr<std::byte> copy = device.allocate(entry.bytes);
  if (entry.bytes > 0) std::memcpy(copy.get(), data, static_cast<std::size_t>(entry.bytes));
  const std::byte* start = copy.get();
  return Tensor::wrap(device, entry.dtype, entry.shape, entry.strides, std::move(copy), start);
}

void WeightSource::add(TensorEntry entry) {
  tensors_.push_back(std::move(entry));
}

void WeightSource::take(std::vector<TensorEntry> entries) {
  tensors_ = std::move(entries);
}

void WeightSource::finish() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorEntry& a, const TensorEntry& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(tensors_.begin(), tensors_.end(),
                         [](const TensorEntry& a, const TensorEntry& b) { return a.name == b.name; });
  if (twice != tensors_.end()) throw Error(ErrorCode::kBadFile, "two tensors have one name").key(twice->name);
}

}  // namespace dq::files
