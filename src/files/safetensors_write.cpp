#include "files/safetensors_write.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/atomic_file.h"
#include "base/checked.h"
#include "base/error.h"
#include "files/parsed_weights.h"
#include "files/safetensors.h"

namespace dq::files {
namespace {

// The library's order of element types, from its enum; tensors are laid out from the last to the first, so
// that all are aligned.
int rank_of(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return 0;
    case DType::kU8:
      return 1;
    case DType::kI8:
      return 2;
    case DType::kF8E5M2:
      return 3;
    case DType::kF8E4M3:
      return 4;
    case DType::kI16:
      return 5;
    case DType::kU16:
      return 6;
    case DType::kF16:
      return 7;
    case DType::kBF16:
      return 8;
    case DType::kI32:
      return 9;
    case DType::kU32:
      return 10;
    case DType::kF32:
      return 11;
    case DType::kF64:
      return 12;
    case DType::kI64:
      return 13;
    case DType::kU64:
      return 14;
  }
  return 0;
}

std::string quoted(const std::string& text) {
  if (!is_utf8(text))
    throw Error(ErrorCode::kInvalidArgument, "a name or metadata text is not UTF-8").key(text);
  return nlohmann::json(text).dump();
}

std::uint64_t byte_size(const TensorToWrite& tensor) {
  return checked_mul(checked_product(tensor.shape, "a tensor's size"),
                     static_cast<std::uint64_t>(size_of(tensor.dtype)), "a tensor's size");
}

void check_tensors(const std::vector<TensorToWrite>& tensors) {
  if (tensors.size() > kMaxTensors) throw Error(ErrorCode::kInvalidArgument, "too many tensors for one file");
  for (const TensorToWrite& tensor : tensors) {
    if (tensor.name == "__metadata__")
      throw Error(ErrorCode::kInvalidArgument, "a tensor may not be named __metadata__");
    try {
      check_name(tensor.name);
    } catch (const Error& error) {
      throw Error(ErrorCode::kInvalidArgument, error.message()).key(tensor.name);
    }
    if (tensor.shape.size() > kMaxRank) {
      throw Error(ErrorCode::kInvalidArgument, "a tensor has too many dimensions").key(tensor.name);
    }
  }
  std::vector<std::string> names;
  for (const TensorToWrite& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw Error(ErrorCode::kInvalidArgument, "two tensors have one name").key(*twice);
}

}  // namespace

TensorToWrite to_write(std::string name, Tensor tensor) {
  if (!tensor.defined() || !tensor.is_contiguous()) {
    throw Error(ErrorCode::kInternal, "only contiguous tensors can be written").key(name);
  }
  const auto kept = std::make_shared<const Tensor>(std::move(tensor));
  TensorToWrite out{std::move(name), kept->dtype(), kept->shape(), {}};
  out.produce = [kept](const ByteSink& sink) {
    sink({kept->raw(), static_cast<std::size_t>(kept->bytes())});
  };
  return out;
}

std::vector<const TensorToWrite*> layout_order(const std::vector<TensorToWrite>& tensors) {
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return std::pair(-rank_of(a->dtype), std::string_view(a->name)) <
           std::pair(-rank_of(b->dtype), std::string_view(b->name));
  });
  return order;
}

std::string safetensors_header(const std::vector<TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  check_tensors(tensors);
  std::vector<std::string> members;
  if (!metadata.empty()) {
    std::vector<std::string> entries;
    for (const auto& [key, value] : metadata) entries.push_back(quoted(key) + ":" + quoted(value));
    members.push_back(fmt::format("\"__metadata__\":{{{}}}", fmt::join(entries, ",")));
  }
  std::uint64_t begin = 0;
  for (const TensorToWrite* tensor : layout_order(tensors)) {
    const std::uint64_t end = checked_add(begin, byte_size(*tensor), "the file's size");
    members.push_back(fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                                  quoted(tensor->name), to_string(tensor->dtype),
                                  fmt::join(tensor->shape, ","), begin, end));
    begin = end;
  }
  std::string json = fmt::format("{{{}}}", fmt::join(members, ","));
  json.append((8 - json.size() % 8) % 8, ' ');
  if (json.size() > kMaxSafetensorsHeader)
    throw Error(ErrorCode::kInvalidArgument, "the header would be larger than 100 MB");
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>((json.size() >> (8 * i)) & 0xff);
  return out + json;
}

void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata, const FaultHook& faults) {
  const std::string header = safetensors_header(tensors, metadata);
  AtomicFile file(path, faults);
  file.write(std::as_bytes(std::span(header)));
  for (const TensorToWrite* tensor : layout_order(tensors)) {
    const std::uint64_t wanted = byte_size(*tensor);
    std::uint64_t written = 0;
    tensor->produce([&](Bytes bytes) {
      written += bytes.size();
      if (written <= wanted) file.write(bytes);
    });
    if (written != wanted) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("{} bytes were produced, the tensor has {}", written, wanted))
          .key(tensor->name);
    }
  }
  file.commit();
}

}  // namespace dq::files
