#include "files/torch_checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "base/error.h"

namespace dq::files {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMaxKeyBytes = 4096;
constexpr std::uint64_t kMaxVisits = 2'000'000;       // a dictionary that holds another twice is walked twice
constexpr std::uint64_t kMaxOutputBytes = 16u << 20;  // entries and names
constexpr std::uint64_t kEntryCost = sizeof(TensorEntry) + 128;
constexpr std::size_t kMaxMetadataText = 64u << 10;
constexpr std::size_t kMaxPickleMetadata = 2u << 20;
constexpr std::size_t kMaxMetadataEntries = 10'000;

constexpr std::array kWrappers = {"state_dict", "params_ema", "params", "model_state_dict", "module"};

class Walker {
 public:
  Walker(const PickleTree& tree, const FindStorage& find_storage)
      : tree_(tree), find_storage_(find_storage) {}

  ParsedWeights run() {
    const PickleValue& root = tree_.root;
    if (root.kind == Kind::kOpaque) {
      throw Error(ErrorCode::kUnsupported, "the file holds a Python object as a whole, not named tensors")
          .hint(
              "Danqing runs no code from files. Where you trust it, save its state_dict() with Python as "
              ".safetensors");
    }
    if (root.kind == Kind::kTensor) {
      walk("tensor", root, 0);
    } else if (root.kind == Kind::kDict) {
      walk_top(root);
    } else {
      walk("", root, 0);
    }
    return std::move(out_);
  }

 private:
  // The value of a text key; null when absent.
  const PickleValue* member(const PickleValue& dict, std::string_view key) const {
    const auto& items = tree_.items(dict);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i].kind == Kind::kText && tree_.text(items[i]) == key) return &items[i + 1];
    }
    return nullptr;
  }

  void walk_top(const PickleValue& root) {
    const PickleValue* wrapped = find_wrapper(root);
    if (!wrapped) return walk("", root, 0);
    walk("", *wrapped, 1);
    const auto& items = tree_.items(root);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (&items[i + 1] == wrapped) continue;
      if (const auto key = key_text(items[i])) keep_plain(*key, items[i + 1]);
    }
  }

  const PickleValue* find_wrapper(const PickleValue& root) {
    for (const char* name : kWrappers) {
      const PickleValue* value = member(root, name);
      if (value && value->kind == Kind::kDict && count_tensors(*value, 1) > 0) return value;
    }
    const PickleValue* model = member(root, "model");
    if (!model || model->kind != Kind::kDict) return nullptr;
    const std::uint64_t inside = count_tensors(*model, 1);
    return inside > 0 && inside == count_tensors(root, 0) ? model : nullptr;
  }

  void visit(int depth) {
    if (++visits_ > kMaxVisits)
      throw Error(ErrorCode::kBadFile, "the pickle's containers hold one another too often");
    if (depth > kMaxPickleNesting)
      throw Error(ErrorCode::kBadFile, "the pickle's containers are nested too deep");
  }

  std::uint64_t count_tensors(const PickleValue& value, int depth) {
    visit(depth);
    if (value.kind == Kind::kTensor) return 1;
    if (value.kind != Kind::kDict && value.kind != Kind::kList && value.kind != Kind::kTuple) return 0;
    std::uint64_t count = 0;
    for (const PickleValue& item : tree_.items(value)) count += count_tensors(item, depth + 1);
    return count;
  }

  // Text and whole numbers name things; other keys (None, objects) do not.
  std::optional<std::string> key_text(const PickleValue& key) const {
    if (key.kind == Kind::kInt) return std::to_string(static_cast<std::int64_t>(key.bits));
    if (key.kind != Kind::kText) return std::nullopt;
    if (key.length > kMaxKeyBytes) throw Error(ErrorCode::kBadFile, "a key is longer than 4 KiB");
    return std::string(tree_.text(key));
  }

  void walk(const std::string& name, const PickleValue& value, int depth) {
    visit(depth);
    switch (value.kind) {
      case Kind::kTensor:
        return add_tensor(name, value);
      case Kind::kDict:
        return walk_dict(name, tree_.items(value), depth);
      case Kind::kList:
      case Kind::kTuple:
        return walk_list(name, tree_.items(value), depth);
      default:
        return keep_plain(name, value);
    }
  }

  static std::string join(const std::string& name, const std::string& key) {
    return name.empty() ? key : name + "." + key;
  }

  void walk_dict(const std::string& name, const std::vector<PickleValue>& items, int depth) {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (const auto key = key_text(items[i])) walk(join(name, *key), items[i + 1], depth + 1);
    }
  }

  // Plain items of a list are not metadata: there may be very many, and nobody asks for them.
  void walk_list(const std::string& name, const std::vector<PickleValue>& items, int depth) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Kind kind = items[i].kind;
      if (kind != Kind::kTensor && kind != Kind::kDict && kind != Kind::kList && kind != Kind::kTuple)
        continue;
      walk(join(name, std::to_string(i)), items[i], depth + 1);
    }
  }

  void add_tensor(const std::string& name, const PickleValue& value) {
    if (out_.tensors.size() == kMaxTensors)
      throw Error(ErrorCode::kBadFile, fmt::format("more than {} tensors", kMaxTensors));
    output_bytes_ += kEntryCost + name.size();
    if (output_bytes_ > kMaxOutputBytes)
      throw Error(ErrorCode::kBadFile, "the names of the tensors take more than 16 MiB");
    check_name(name);
    try {
      out_.tensors.push_back(place_tensor(tree_, value, find_storage_));
    } catch (Error& error) {
      error.key(name);
      throw;
    }
    out_.tensors.back().name = name;
  }

  // Metadata is a courtesy: what is too long, too much or not text is left out, without complaint.
  void keep_plain(const std::string& name, const PickleValue& value) {
    std::string text;
    switch (value.kind) {
      case Kind::kText:
        if (value.length > kMaxMetadataText) return;
        text = tree_.text(value);
        break;
      case Kind::kInt:
        text = std::to_string(static_cast<std::int64_t>(value.bits));
        break;
      case Kind::kBool:
        text = value.bits ? "true" : "false";
        break;
      case Kind::kFloat:
        text = fmt::format("{}", std::bit_cast<double>(value.bits));
        break;
      default:
        return;
    }
    metadata_bytes_ += name.size() + text.size();
    const bool full = metadata_bytes_ > kMaxPickleMetadata || out_.metadata.size() >= kMaxMetadataEntries;
    if (name.empty() || full || !is_utf8(name) || !is_utf8(text)) return;
    out_.metadata.try_emplace(name, std::move(text));
  }

  const PickleTree& tree_;
  const FindStorage& find_storage_;
  ParsedWeights out_;
  std::uint64_t visits_ = 0, output_bytes_ = 0;
  std::size_t metadata_bytes_ = 0;
};

}  // namespace

ParsedWeights read_checkpoint(const PickleTree& tree, const FindStorage& find_storage) {
  return Walker(tree, find_storage).run();
}

}  // namespace dq::files
