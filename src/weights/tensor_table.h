#pragma once
// A set of named tensors as one layout sees them: a file, part of a file under a prefix, or several files
// joined, with names as given or renamed to a family's canonical ones. Cheap to copy; holds the files open.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "files/weight_source.h"

namespace dq::weights {

class TensorTable {
 public:
  TensorTable() = default;
  explicit TensorTable(std::shared_ptr<const files::WeightSource> source, std::string_view prefix = "");

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const files::TensorEntry* find(std::string_view name) const;  // null when absent
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // The size of one dimension of a tensor; 0 when the tensor or the axis is not there.
  std::int64_t dim(std::string_view name, std::size_t axis) const;
  // Is there a tensor whose name begins so?
  bool has_prefix(std::string_view prefix) const;

  // The tensors whose names begin with `prefix`, without it.
  TensorTable under(std::string_view prefix) const;
  // Every name through `rename`; tensors it answers nothing for are left out. A collision throws kBadFile.
  TensorTable renamed(const std::function<std::optional<std::string>(std::string_view)>& rename) const;
  // Adds one tensor. A repeated name throws kBadFile.
  void insert(std::string name, files::TensorEntry entry);
  // Adds another table's tensors under a prefix. A repeated name throws kBadFile.
  void join(const TensorTable& other, std::string_view prefix);

  const std::map<std::string, files::TensorEntry, std::less<>>& entries() const { return entries_; }
  // The texts that came with the tensors: a file's own metadata; of a folder, files::folder_texts. Tables
  // made from this one have them too.
  const std::map<std::string, std::string>& texts() const;
  void set_texts(std::map<std::string, std::string> texts);
  // What to call this table in a message: the file or folder it came from.
  const std::string& origin() const { return origin_; }
  void set_origin(std::string origin) { origin_ = std::move(origin); }

 private:
  std::map<std::string, files::TensorEntry, std::less<>> entries_;
  std::string origin_;
  std::shared_ptr<const std::map<std::string, std::string>> texts_;
};

}  // namespace dq::weights
