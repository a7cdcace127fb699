#pragma once
// The index of a checkpoint in shards, as transformers and diffusers write it (model.safetensors.index.json):
//
//   {"metadata": {"total_size": 123}, "weight_map": {"tensor name": "model-00001-of-00002.safetensors", …}}
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_reader.h"

namespace dq::files {

struct ShardedIndex {
  std::vector<std::string> shards;                            // plain file names, in order of appearance
  std::vector<std::pair<std::string, std::uint32_t>> places;  // tensor name → position in `shards`
  std::map<std::string, std::string> metadata;                // strings and whole numbers
};

// Throws kBadFile on a malformed index, a repeated key, or a shard that is not a plain file name: an index
// must not reach outside its folder.
ShardedIndex parse_sharded_index(Bytes text);

}  // namespace dq::files
