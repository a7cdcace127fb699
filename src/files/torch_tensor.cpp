#include "files/torch_tensor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "files/parsed_weights.h"

namespace dq::files {
namespace {

using Kind = PickleValue::Kind;

// A view may repeat elements (stride 0); this many more than its storage holds are believed.
constexpr std::uint64_t kMaxRepeatedElements = 1u << 24;

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kBadFile, message);
}

Shape sizes_of(const PickleTree& tree, const PickleValue& tuple, const char* what) {
  Shape out;
  for (const PickleValue& item : tree.items(tuple)) {
    const auto size = static_cast<std::int64_t>(item.bits);
    if (item.kind != Kind::kInt || size < 0)
      fail(fmt::format("the tensor's {} hold something negative or no number", what));
    if (out.size() == kMaxRank) fail(fmt::format("the tensor has more than {} dimensions", kMaxRank));
    out.push_back(size);
  }
  return out;
}

std::uint64_t natural(const PickleValue& value, const char* what) {
  if (value.kind != Kind::kInt || static_cast<std::int64_t>(value.bits) < 0)
    fail(fmt::format("{} is no natural number", what));
  return value.bits;
}

// The part of a storage, in its own elements, that a tensor may use. Old files describe views of storages:
// the sixth item is (key, offset, elements).
struct StoragePart {
  std::uint64_t offset = 0, elements = 0;
};

StoragePart part_of(const PickleTree& tree, const std::vector<PickleValue>& storage, std::uint64_t elements) {
  if (storage.size() < 6 || storage[5].kind == Kind::kNone) return {0, elements};
  if (storage[5].kind != Kind::kTuple || tree.items(storage[5]).size() != 3)
    fail("the view of a storage is malformed");
  const auto& view = tree.items(storage[5]);
  const StoragePart part{natural(view[1], "the offset of a storage's view"),
                         natural(view[2], "the size of a storage's view")};
  if (checked_add(part.offset, part.elements, "a storage's view") > elements)
    fail("a storage's view leaves its storage");
  return part;
}

DType element_type(const PickleTree& tree, const PickleValue& tensor) {
  const auto& items = tree.items(tensor);
  if (tensor.name != PickleName::kRebuildTensorV3) return storage_dtype(tree, items[0]);
  if (items[6].name != PickleName::kDtype) {
    throw Error(ErrorCode::kUnsupported, "the tensor's element type is not supported");
  }
  return items[6].dtype;
}

// Tensors may be marked as conjugated or negated; their numbers are then not what is stored.
void refuse_marks(const PickleTree& tree, const PickleValue& tensor) {
  const auto& items = tree.items(tensor);
  const std::size_t at = tensor.name == PickleName::kRebuildTensorV3 ? 7 : 6;
  if (items.size() > at && items[at].kind == Kind::kDict && !tree.items(items[at]).empty()) {
    throw Error(ErrorCode::kUnsupported, "the tensor is stored negated or conjugated");
  }
}

}  // namespace

DType storage_dtype(const PickleTree& tree, const PickleValue& storage) {
  const PickleValue& type = tree.items(storage)[1];
  if (type.name == PickleName::kStorage || type.name == PickleName::kUntypedStorage) return type.dtype;
  throw Error(ErrorCode::kUnsupported, "tensors of complex or quantised numbers are not supported");
}

std::uint64_t storage_elements(const PickleTree& tree, const PickleValue& storage) {
  return natural(tree.items(storage)[4], "a storage's size");
}

TensorEntry place_tensor(const PickleTree& tree, const PickleValue& tensor, const FindStorage& find_storage) {
  const auto& items = tree.items(tensor);
  refuse_marks(tree, tensor);
  const auto& storage = tree.items(items[0]);
  TensorEntry out;
  out.dtype = element_type(tree, tensor);
  out.shape = sizes_of(tree, items[2], "sizes");
  out.strides = sizes_of(tree, items[3], "strides");
  if (out.shape.size() != out.strides.size()) fail("the tensor has another number of strides than of sizes");

  const auto stored = static_cast<std::uint64_t>(size_of(storage_dtype(tree, items[0])));
  const auto element = static_cast<std::uint64_t>(size_of(out.dtype));
  const std::uint64_t elements = storage_elements(tree, items[0]);
  const std::uint64_t storage_bytes = checked_mul(elements, stored, "a storage's size");
  const StorageBytes place = find_storage(tree.text(storage[2]), storage_bytes);
  if (place.bytes != storage_bytes) {
    fail(fmt::format("the storage '{}' has {} bytes, the pickle says {}",
                     printable(tree.text(storage[2]), 40), place.bytes, storage_bytes));
  }
  const StoragePart part = part_of(tree, storage, elements);
  const std::uint64_t room = part.elements * stored / element;  // in the tensor's elements; the product fits
  const std::uint64_t offset = natural(items[1], "the tensor's offset");
  const std::uint64_t count = checked_product(out.shape, "the tensor's size");
  checked_mul(count, element, "the tensor's size");
  out.offset = place.offset + part.offset * stored;
  if (count == 0) return out;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < out.shape.size(); ++i) {
    const auto steps = static_cast<std::uint64_t>(out.shape[i]) - 1;
    const auto stride = static_cast<std::uint64_t>(out.strides[i]);
    last = checked_add(last, checked_mul(steps, stride, "the tensor's extent"), "the tensor's extent");
  }
  const std::uint64_t end =
      checked_add(checked_add(offset, last, "the tensor's extent"), 1, "the tensor's extent");
  if (end > room) fail(fmt::format("the tensor reaches element {}, its storage has {}", end, room));
  if (count > room && count - room > kMaxRepeatedElements)
    fail("the tensor repeats the elements of its storage too often");
  out.offset += offset * element;
  out.bytes = (last + 1) * element;
  return out;
}

}  // namespace dq::files
