#include "files/sharded_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "files/json_events.h"
#include "files/parsed_weights.h"

namespace dq::files {
namespace {

constexpr std::size_t kMaxIndexBytes = 64u << 20;
constexpr std::size_t kMaxShards = 4096;
constexpr std::size_t kMaxShardName = 255;
constexpr int kMaxDepth = 4;

bool is_plain_file_name(const std::string& name) {
  if (name.empty() || name.size() > kMaxShardName || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f || c == '/' || c == '\\' || c == ':';
  });
}

class IndexReader final : public JsonEvents {
 public:
  ShardedIndex take_result() {
    if (!has_map_) throw Error(ErrorCode::kBadFile, "the index has no weight_map");
    std::sort(index_.places.begin(), index_.places.end());
    const auto twice = std::adjacent_find(index_.places.begin(), index_.places.end(),
                                          [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice != index_.places.end()) {
      throw Error(ErrorCode::kBadFile, "the index has this key twice").key(twice->first);
    }
    return std::move(index_);
  }

  void on_object_begin() override {
    if (in_map()) fail("weight_map must hold file names, not objects");
    ++depth_;
  }
  void on_object_end() override { --depth_; }
  void on_array_begin() override {
    refuse_in_map("arrays");
    ++depth_;
  }
  void on_array_end() override { --depth_; }

  void on_key(std::string& name) override {
    if (depth_ == 1) {
      top_key_ = name;
      if (name == "weight_map") {
        if (has_map_) fail("weight_map appears twice");
        has_map_ = true;
      }
      return;
    }
    key_ = name;
    if (!in_map()) return;
    if (index_.places.size() == kMaxTensors) fail(fmt::format("more than {} tensors", kMaxTensors));
    check_name(name);
  }

  void on_string(std::string& text) override {
    if (depth_ == 1 && top_key_ == "weight_map") fail("weight_map must be an object");
    if (in_map()) return place(text);
    remember(text);
  }
  void on_unsigned(std::uint64_t value) override {
    refuse_in_map("a number");
    remember(std::to_string(value));
  }
  void on_other(const char* what) override { refuse_in_map(what); }

 private:
  bool in_map() const { return depth_ >= 2 && top_key_ == "weight_map"; }
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::kBadFile, message).key(key_).at(position.consumed);
  }
  void refuse_in_map(const char* what) const {
    if (depth_ == 0) fail("the index must be an object");
    if (top_key_ == "weight_map") fail(fmt::format("weight_map must hold file names, not {}", what));
  }
  void remember(const std::string& text) {
    if (depth_ != 2 || top_key_ != "metadata" || index_.metadata.size() >= 1000) return;
    index_.metadata[key_] = text;
  }
  void place(const std::string& shard) {
    if (!is_plain_file_name(shard)) {
      fail(fmt::format("'{}' is not a plain file name: shards lie next to the index", printable(shard, 100)));
    }
    const auto [it, fresh] = number_.try_emplace(shard, static_cast<std::uint32_t>(index_.shards.size()));
    if (fresh) {
      if (index_.shards.size() == kMaxShards) fail(fmt::format("more than {} shards", kMaxShards));
      index_.shards.push_back(shard);
    }
    index_.places.emplace_back(key_, it->second);
  }

  ShardedIndex index_;
  std::unordered_map<std::string, std::uint32_t> number_;
  std::string top_key_, key_;
  int depth_ = 0;
  bool has_map_ = false;
};

}  // namespace

ShardedIndex parse_sharded_index(Bytes text) {
  if (text.size() > kMaxIndexBytes) throw Error(ErrorCode::kBadFile, "the index is larger than 64 MiB");
  IndexReader reader;
  const std::uint64_t end = parse_json(text, 0, kMaxDepth, reader);
  const auto rest = text.subspan(static_cast<std::size_t>(end));
  const auto odd = std::find_if(rest.begin(), rest.end(), [](std::byte b) {
    const auto c = static_cast<char>(b);
    return c != ' ' && c != '\n' && c != '\r' && c != '\t';
  });
  if (odd != rest.end()) {
    throw Error(ErrorCode::kBadFile, "something follows the end of the index")
        .at(end + static_cast<std::uint64_t>(odd - rest.begin()));
  }
  return reader.take_result();
}

}  // namespace dq::files
