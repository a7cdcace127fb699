#pragma once
// Names and shapes as signatures ask for them, and the little language that signatures are written in.
//
//   conditions = condition { " " condition }         all must hold
//   condition  = [ "!" ] term { "|" term }           any term; "!" turns it round
//   term       = pattern { "[" [axis] "]" op number }
//   pattern    = a name; "*" stands for anything     there is such a tensor …
//   op         = "=" | "<" | ">"                     … whose dimension (or rank, for "[]") is so
//
// Example: "img_in.weight[1]=64 !guidance_in.*".
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_table.h"

namespace dq::models::recognised {

struct NamedShape {
  std::string_view name;
  std::span<const std::int64_t> shape;
};

// Sorted by name. Views into a table (or an adapter's module list) that must outlive it.
class Names {
 public:
  Names() = default;
  explicit Names(const weights::TensorTable& table);
  explicit Names(std::vector<NamedShape> entries);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  std::span<const NamedShape> all() const { return entries_; }
  const NamedShape* find(std::string_view name) const;  // null when absent
  std::span<const NamedShape> starting(std::string_view prefix) const;
  // The entries under a prefix, without it.
  Names under(std::string_view prefix) const;

 private:
  std::vector<NamedShape> entries_;
};

// Do all conditions hold? A condition that breaks the grammar is our own mistake: kInternal.
bool holds(const Names& names, std::string_view conditions);

// The same as sentences: "img_in.weight [3072, 64]", "no guidance_in.*". Ask only when they hold.
std::vector<std::string> evidence(const Names& names, std::string_view conditions);

}  // namespace dq::models::recognised
