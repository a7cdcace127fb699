#include "files/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "files/json_events.h"

namespace dq::files {
namespace {

constexpr std::uint64_t kHeaderStart = 8;
constexpr int kMaxDepth = 4;
constexpr std::uint64_t kMaxToken = 6 * kMaxNameBytes + 256;  // a name of \uXXXX escapes, and blanks
constexpr std::size_t kMaxMetadataEntries = 10'000;

struct ElementType {
  std::string_view name;
  std::uint64_t bits;
  std::optional<DType> dtype;  // empty: legal in the format, not known to Danqing
};

constexpr std::array<ElementType, 22> kElementTypes{{
    {"F64", 64, DType::kF64},         {"F32", 32, DType::kF32},
    {"F16", 16, DType::kF16},         {"BF16", 16, DType::kBF16},
    {"F8_E4M3", 8, DType::kF8E4M3},   {"F8_E5M2", 8, DType::kF8E5M2},
    {"I64", 64, DType::kI64},         {"I32", 32, DType::kI32},
    {"I16", 16, DType::kI16},         {"I8", 8, DType::kI8},
    {"U64", 64, DType::kU64},         {"U32", 32, DType::kU32},
    {"U16", 16, DType::kU16},         {"U8", 8, DType::kU8},
    {"BOOL", 8, DType::kBool},        {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt}, {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},     {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},          {"C64", 64, std::nullopt},
}};

// Receives the header's events. The place in the document is one enum: the format has no recursion.
class HeaderReader final : public JsonEvents {
 public:
  explicit HeaderReader(std::uint64_t data_bytes) : data_bytes_(data_bytes) {
    position.max_token = kMaxToken;
  }

  ParsedWeights take_result() {
    check_unique_names();
    check_coverage();
    if (unsupported_) throw Error(*unsupported_);
    return std::move(result_);
  }

  void on_object_begin() override {
    switch (place_) {
      case Place::kStart:
        place_ = Place::kTop;
        return;
      case Place::kTensorValue:
        place_ = Place::kTensor;
        return;
      case Place::kMetadataValue:
        place_ = Place::kMetadata;
        return;
      default:
        fail("an object stands where the format has no place for it");
    }
  }

  void on_object_end() override {
    if (place_ == Place::kTensor) finish_tensor();
    if (place_ == Place::kTop) place_ = Place::kEnd;
    if (place_ == Place::kTensor || place_ == Place::kMetadata) place_ = Place::kTop;
    position.max_token = kMaxToken;
  }

  void on_array_begin() override {
    if (place_ == Place::kShapeValue) {
      place_ = Place::kShape;
    } else if (place_ == Place::kOffsetsValue) {
      place_ = Place::kOffsets;
    } else {
      fail("an array stands where the format has no place for it");
    }
  }

  void on_array_end() override { place_ = Place::kTensor; }

  void on_key(std::string& name) override {
    if (place_ == Place::kTop) return on_top_key(name);
    if (place_ == Place::kMetadata) return on_metadata_key(name);
    on_tensor_key(name);
  }

  void on_string(std::string& text) override {
    if (place_ == Place::kMetadata) return on_metadata_value(text);
    if (place_ != Place::kDtypeValue) fail("a string stands where the format has no place for it");
    const auto it = std::find_if(kElementTypes.begin(), kElementTypes.end(),
                                 [&](const ElementType& type) { return type.name == text; });
    if (it == kElementTypes.end()) fail(fmt::format("'{}' is not an element type", printable(text, 40)));
    type_ = &*it;
    place_ = Place::kTensor;
  }

  void on_unsigned(std::uint64_t value) override {
    if (place_ == Place::kShape) {
      if (entry_.shape.size() == kMaxRank) fail(fmt::format("more than {} dimensions", kMaxRank));
      if (value > static_cast<std::uint64_t>(INT64_MAX)) fail("a size in the shape is too large");
      entry_.shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::kOffsets) {
      if (offset_count_ == 2) fail("data_offsets must be two numbers");
      offsets_[offset_count_++] = value;
    } else {
      fail("a number stands where the format has no place for it");
    }
  }

  void on_other(const char* what) override {
    fail(fmt::format("{} stands where the format has no place for it", what));
  }

 private:
  enum class Place {
    kStart,
    kTop,
    kEnd,
    kMetadataValue,
    kMetadata,
    kTensorValue,
    kTensor,
    kDtypeValue,
    kShapeValue,
    kShape,
    kOffsetsValue,
    kOffsets,
  };

  [[noreturn]] void fail(const std::string& message) const {
    Error error(ErrorCode::kBadFile, message);
    if (!entry_.name.empty()) error.key(entry_.name);
    throw error.at(position.consumed);
  }

  void on_top_key(std::string& name) {
    entry_ = {};
    type_ = nullptr;
    has_shape_ = false;
    offset_count_ = 0;
    has_offsets_ = false;
    if (name == "__metadata__") {
      if (has_metadata_) fail("__metadata__ appears twice");
      has_metadata_ = true;
      place_ = Place::kMetadataValue;
      return;
    }
    if (result_.tensors.size() == kMaxTensors) fail(fmt::format("more than {} tensors", kMaxTensors));
    try {
      check_name(name);
    } catch (Error& error) {
      error.at(position.consumed);
      throw;
    }
    entry_.name = std::string(name);  // a copy, so that it takes no more room than it needs
    place_ = Place::kTensorValue;
  }

  void on_metadata_key(std::string& name) {
    if (result_.metadata.size() == kMaxMetadataEntries) fail("__metadata__ has too many entries");
    metadata_bytes_ += name.size();
    const auto [it, fresh] = result_.metadata.try_emplace(name);
    if (!fresh) fail(fmt::format("__metadata__ has the key '{}' twice", printable(name)));
    metadata_value_ = &it->second;
    position.max_token = kMaxMetadataBytes;
  }

  void on_metadata_value(const std::string& text) {
    metadata_bytes_ += text.size();
    if (metadata_bytes_ > kMaxMetadataBytes) fail("__metadata__ is larger than 16 MiB");
    *metadata_value_ = text;
    position.max_token = kMaxToken;
  }

  void on_tensor_key(const std::string& name) {
    if (name == "dtype" && !type_) {
      place_ = Place::kDtypeValue;
    } else if (name == "shape" && !has_shape_) {
      has_shape_ = true;
      place_ = Place::kShapeValue;
    } else if (name == "data_offsets" && !has_offsets_) {
      has_offsets_ = true;
      place_ = Place::kOffsetsValue;
    } else if (name == "dtype" || name == "shape" || name == "data_offsets") {
      fail(fmt::format("the field {} appears twice", name));
    } else {
      fail(fmt::format("a tensor has no field '{}'", printable(name, 60)));
    }
  }

  // All fields of one tensor are there: bring them together.
  void finish_tensor() {
    if (!type_) fail("the field dtype is missing");
    if (!has_shape_) fail("the field shape is missing");
    if (offset_count_ != 2) fail("data_offsets must be two numbers");
    const auto [begin, end] = offsets_;
    if (begin > end) fail("data_offsets end before they begin");
    if (end > data_bytes_)
      fail(fmt::format("data_offsets end at {}, the file has {} bytes of data", end, data_bytes_));
    const std::uint64_t bytes = tensor_bytes();
    if (end - begin != bytes) {
      fail(fmt::format("data_offsets hold {} bytes, the shape needs {}", end - begin, bytes));
    }
    if (type_->dtype) {
      entry_.dtype = *type_->dtype;
    } else if (!unsupported_) {
      unsupported_ =
          Error(ErrorCode::kUnsupported, fmt::format("the element type {} is not supported", type_->name))
              .key(entry_.name)
              .at(kHeaderStart + position.consumed)
              .hint("Look for a version of this model in F16, BF16 or F8_E4M3");
    }
    entry_.strides = row_major_strides(entry_.shape);
    entry_.offset = begin;
    entry_.bytes = bytes;
    result_.tensors.push_back(std::move(entry_));
    key_ends_.push_back(static_cast<std::uint32_t>(kHeaderStart + position.consumed));  // at most 10⁸
    entry_ = {};
  }

  std::uint64_t tensor_bytes() const {
    try {
      const std::uint64_t bits =
          checked_mul(checked_product(entry_.shape, "the shape"), type_->bits, "the tensor's size in bits");
      if (bits % 8 != 0) fail("the tensor does not end at a byte");
      return bits / 8;
    } catch (Error& error) {
      error.key(entry_.name).at(position.consumed);
      throw;
    }
  }

  // Both checks sort an index, not the entries, to know the place of the culprit in the header.
  std::vector<std::uint32_t> index() const {
    std::vector<std::uint32_t> order(result_.tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    return order;
  }

  void check_unique_names() const {
    const auto& tensors = result_.tensors;
    std::vector<std::uint32_t> order = index();
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return tensors[a].name < tensors[b].name; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (tensors[order[i]].name != tensors[order[i - 1]].name) continue;
      throw Error(ErrorCode::kBadFile, "two tensors have one name")
          .key(tensors[order[i]].name)
          .at(std::max(key_ends_[order[i]], key_ends_[order[i - 1]]));
    }
  }

  // The data is covered from its first byte to its last, each byte once.
  void check_coverage() const {
    const auto& tensors = result_.tensors;
    std::vector<std::uint32_t> order = index();
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(tensors[a].offset, tensors[a].bytes) < std::pair(tensors[b].offset, tensors[b].bytes);
    });
    std::uint64_t covered = 0;
    for (const std::uint32_t i : order) {
      if (tensors[i].offset != covered) {
        throw Error(
            ErrorCode::kBadFile,
            fmt::format("the tensor's data begin at {}, the ones before it end at {}: {}", tensors[i].offset,
                        covered, tensors[i].offset < covered ? "an overlap" : "a hole"))
            .key(tensors[i].name)
            .at(key_ends_[i]);
      }
      covered += tensors[i].bytes;
    }
    if (covered != data_bytes_) {
      throw Error(
          ErrorCode::kBadFile,
          fmt::format("the tensors end after {} bytes of data, the file holds {}", covered, data_bytes_));
    }
  }

  std::uint64_t data_bytes_;
  ParsedWeights result_;
  std::vector<std::uint32_t> key_ends_;  // by tensor: where its entry ends in the file
  std::optional<Error> unsupported_;
  Place place_ = Place::kStart;
  bool has_metadata_ = false;
  std::string* metadata_value_ = nullptr;
  std::size_t metadata_bytes_ = 0;
  // The tensor being read.
  TensorEntry entry_;
  const ElementType* type_ = nullptr;
  bool has_shape_ = false, has_offsets_ = false;
  std::array<std::uint64_t, 2> offsets_{};
  std::size_t offset_count_ = 0;
};

// A string that is longer than anything here may be is found before it is read: the parser looks at every
// byte three times, this at quotes alone.
void check_string_lengths(Bytes header) {
  const char* const begin = reinterpret_cast<const char*>(header.data());
  const char* const end = begin + header.size();
  const auto next_quote = [&](const char* at) {
    return static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
  };
  const char* opening = next_quote(begin);
  while (opening) {
    const char* closing = next_quote(opening + 1);
    const auto escaped = [&](const char* quote) {
      const char* at = quote;
      while (at[-1] == '\\') --at;
      return (quote - at) % 2 == 1;
    };
    while (closing && escaped(closing)) closing = next_quote(closing + 1);
    const char* const stop = closing ? closing : end;
    if (static_cast<std::size_t>(stop - opening) > kMaxMetadataBytes + 2) {
      throw Error(ErrorCode::kBadFile, "a text in the header is longer than 16 MiB")
          .at(kHeaderStart + static_cast<std::uint64_t>(opening - begin));
    }
    opening = closing ? next_quote(closing + 1) : nullptr;
  }
}

}  // namespace

std::uint64_t safetensors_data_start(Bytes file) {
  ByteReader reader(file);
  const auto header_bytes = reader.little<std::uint64_t>("the header's length");
  if (header_bytes > kMaxSafetensorsHeader) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("the header claims {} bytes, more than 100 MB", header_bytes))
        .at(0);
  }
  if (header_bytes > reader.left()) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("the header claims {} bytes, the file holds {} after its length", header_bytes,
                            reader.left()))
        .at(0);
  }
  return kHeaderStart + header_bytes;
}

ParsedWeights parse_safetensors(Bytes file, const Release& release) {
  const std::uint64_t data_start = safetensors_data_start(file);
  const Bytes header = file.subspan(kHeaderStart, static_cast<std::size_t>(data_start - kHeaderStart));
  if (header.empty() || header[0] != std::byte{'{'}) {
    throw Error(ErrorCode::kBadFile, "the header does not begin with '{'").at(kHeaderStart);
  }
  check_string_lengths(header);
  HeaderReader reader(file.size() - data_start);
  std::uint64_t released = 0;
  const std::uint64_t end = parse_json(header, kHeaderStart, kMaxDepth, reader, [&](std::uint64_t consumed) {
    if (release) release(kHeaderStart + released, consumed - released);
    released = consumed;
  });
  const auto padding = header.subspan(static_cast<std::size_t>(end));
  const auto odd =
      std::find_if(padding.begin(), padding.end(), [](std::byte b) { return b != std::byte{0x20}; });
  if (odd != padding.end()) {
    throw Error(ErrorCode::kBadFile, "something other than blanks follows the header's JSON text")
        .at(kHeaderStart + end + static_cast<std::uint64_t>(odd - padding.begin()));
  }
  ParsedWeights result = reader.take_result();
  for (TensorEntry& entry : result.tensors) entry.offset += data_start;
  return result;
}

}  // namespace dq::files
