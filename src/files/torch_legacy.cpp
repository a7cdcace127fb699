#include "files/torch_legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/checked.h"
#include "base/error.h"
#include "files/torch_checkpoint.h"

namespace dq::files {
namespace {

using namespace std::string_view_literals;
using Kind = PickleValue::Kind;

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr std::uint64_t kProtocol = 1001;
constexpr std::size_t kMaxStorages = kMaxTensors;

// Reads one pickle after another.
class PickleSequence {
 public:
  explicit PickleSequence(Bytes file) : file_(file) {}
  PickleTree next() {
    PickleTree tree = parse_pickle(file_.subspan(static_cast<std::size_t>(offset_)), offset_);
    offset_ += tree.size;
    return tree;
  }
  std::uint64_t offset() const { return offset_; }

 private:
  Bytes file_;
  std::uint64_t offset_ = 0;
};

void check_head(PickleSequence& in) {
  const PickleTree magic = in.next();
  if (magic.root.kind != Kind::kBigInt || magic.text(magic.root) != kMagic) {
    throw Error(ErrorCode::kUnsupported, "this is a plain Python pickle, not a PyTorch checkpoint")
        .at(0)
        .hint("Danqing runs no code from files: look for the model as .safetensors");
  }
  const std::uint64_t at = in.offset();
  const PickleTree protocol = in.next();
  if (protocol.root.kind != Kind::kInt || protocol.root.bits != kProtocol) {
    throw Error(ErrorCode::kBadFile, "the legacy checkpoint has an unknown version").at(at);
  }
  const std::uint64_t info_at = in.offset();
  const PickleTree info = in.next();
  if (info.root.kind != Kind::kDict)
    throw Error(ErrorCode::kBadFile, "the system information is no dictionary").at(info_at);
  const auto& items = info.items(info.root);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const bool is_order = items[i].kind == Kind::kText && info.text(items[i]) == "little_endian";
    if (is_order && (items[i + 1].kind != Kind::kBool || items[i + 1].bits != 1)) {
      throw Error(ErrorCode::kUnsupported, "the checkpoint was written on a big-endian machine")
          .at(info_at)
          .hint("Load and save it again on an ordinary computer");
    }
  }
}

// Storages by key: first as the object's pickle describes them, then as they lie in the file.
using Storages = std::unordered_map<std::string_view, StorageBytes>;

// The file tells the number of elements only; the size of one comes from the pickle.
std::unordered_map<std::string_view, std::uint64_t> element_sizes(const PickleTree& tree) {
  std::unordered_map<std::string_view, std::uint64_t> out;
  for (const PickleNode& node : tree.nodes) {
    for (const PickleValue& item : node.items) {
      if (item.kind != Kind::kStorage) continue;
      const auto size = static_cast<std::uint64_t>(size_of(storage_dtype(tree, item)));
      const std::string_view key = tree.text(tree.items(item)[2]);
      const auto [it, fresh] = out.try_emplace(key, size);
      if (!fresh && it->second != size) {
        throw Error(ErrorCode::kBadFile,
                    fmt::format("the storage '{}' has two element types", printable(key, 40)));
      }
      if (out.size() > kMaxStorages) throw Error(ErrorCode::kBadFile, "too many storages");
    }
  }
  return out;
}

Storages read_storages(Bytes file, const PickleTree& tree, const PickleTree& keys, std::uint64_t offset) {
  if (keys.root.kind != Kind::kList)
    throw Error(ErrorCode::kBadFile, "the storages' keys are no list").at(offset);
  const auto sizes = element_sizes(tree);
  ByteReader in(file.subspan(static_cast<std::size_t>(offset)), offset);
  Storages out;
  for (const PickleValue& key : keys.items(keys.root)) {
    const std::uint64_t at = in.offset();
    if (key.kind != Kind::kText) throw Error(ErrorCode::kBadFile, "a storage's key is no text").at(at);
    const auto size = sizes.find(keys.text(key));
    if (size == sizes.end()) {
      throw Error(ErrorCode::kBadFile,
                  fmt::format("the storage '{}' is used by no tensor", printable(keys.text(key), 40)))
          .at(at);
    }
    const auto elements = in.little<std::uint64_t>("a storage");
    const std::uint64_t bytes = checked_mul(elements, size->second, "a storage's size");
    if (!out.try_emplace(size->first, StorageBytes{in.offset(), bytes}).second) {
      throw Error(ErrorCode::kBadFile, "a storage's key appears twice").at(at);
    }
    in.skip(bytes, "a storage");
  }
  if (!in.at_end()) throw Error(ErrorCode::kBadFile, "something follows the last storage").at(in.offset());
  return out;
}

}  // namespace

ParsedWeights parse_torch_legacy(Bytes file) {
  PickleSequence in(file);
  check_head(in);
  const std::uint64_t object_at = in.offset();
  const PickleTree object = in.next();
  const PickleTree keys = in.next();
  const Storages storages = read_storages(file, object, keys, in.offset());
  return read_checkpoint(object, [&](std::string_view key, std::uint64_t) -> StorageBytes {
    const auto it = storages.find(key);
    if (it == storages.end()) {
      throw Error(ErrorCode::kBadFile, fmt::format("the file has no storage '{}'", printable(key, 40)))
          .at(object_at);
    }
    return it->second;
  });
}

}  // namespace dq::files
