#include "weights/tensor_table.h"

namespace dq::weights {

using files::TensorEntry;

TensorTable::TensorTable(std::shared_ptr<const files::WeightSource> source, std::string_view prefix)
    : origin_(source->path().string()) {
  for (const TensorEntry& entry : source->tensors()) {
    entries_.emplace(std::string(prefix) + entry.name, entry);
  }
  if (!source->metadata().empty()) set_texts(source->metadata());
}

const std::map<std::string, std::string>& TensorTable::texts() const {
  static const std::map<std::string, std::string> none;
  return texts_ ? *texts_ : none;
}

void TensorTable::set_texts(std::map<std::string, std::string> texts) {
  texts_ = std::make_shared<const std::map<std::string, std::string>>(std::move(texts));
}

const TensorEntry* TensorTable::find(std::string_view name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

std::int64_t TensorTable::dim(std::string_view name, std::size_t axis) const {
  const TensorEntry* entry = find(name);
  return entry && axis < entry->shape.size() ? entry->shape[axis] : 0;
}

bool TensorTable::has_prefix(std::string_view prefix) const {
  const auto it = entries_.lower_bound(prefix);
  return it != entries_.end() && std::string_view(it->first).starts_with(prefix);
}

TensorTable TensorTable::under(std::string_view prefix) const {
  TensorTable out;
  out.origin_ = origin_;
  out.texts_ = texts_;
  for (auto it = entries_.lower_bound(prefix); it != entries_.end(); ++it) {
    const std::string_view name = it->first;
    if (!name.starts_with(prefix)) break;
    out.entries_.emplace(name.substr(prefix.size()), it->second);
  }
  return out;
}

TensorTable TensorTable::renamed(
    const std::function<std::optional<std::string>(std::string_view)>& rename) const {
  TensorTable out;
  out.origin_ = origin_;
  out.texts_ = texts_;
  for (const auto& [name, entry] : entries_) {
    std::optional<std::string> canonical = rename(name);
    if (!canonical) continue;
    if (!out.entries_.emplace(std::move(*canonical), entry).second) {
      throw Error(ErrorCode::kBadFile, "two tensors mean the same parameter").in(origin_).key(name);
    }
  }
  return out;
}

void TensorTable::insert(std::string name, TensorEntry entry) {
  const auto [it, inserted] = entries_.emplace(std::move(name), std::move(entry));
  if (!inserted) throw Error(ErrorCode::kBadFile, "a tensor is there twice").in(origin_).key(it->first);
}

void TensorTable::join(const TensorTable& other, std::string_view prefix) {
  if (origin_.empty()) origin_ = other.origin_;
  for (const auto& [name, entry] : other.entries_) insert(std::string(prefix) + name, entry);
}

}  // namespace dq::weights
