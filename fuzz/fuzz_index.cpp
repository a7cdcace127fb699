// The index of a checkpoint in shards.
#include "base/error.h"
#include "files/sharded_index.h"
#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const dq::files::ShardedIndex index = dq::files::parse_sharded_index(dq::fuzz::bytes_of(data, size));
    for (const auto& [name, shard] : index.places) {
      if (name.empty() || shard >= index.shards.size()) __builtin_trap();
    }
    for (const std::string& shard : index.shards) {
      if (shard.find_first_of("/\\") != std::string::npos || shard == "..") __builtin_trap();
    }
  } catch (const dq::Error&) {
  }
  return 0;
}
