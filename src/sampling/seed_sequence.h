#pragma once
// numpy.random.SeedSequence (O'Neill's seed_seq_fe): spreads a seed and a path of child numbers over a pool
// of 32-bit words.
#include <cstdint>
#include <span>
#include <vector>

namespace dq::sampling {

// SeedSequence(entropy, spawn_key=spawn_key, pool_size=pool_size).generate_state(words)
std::vector<std::uint32_t> seed_sequence(std::uint64_t entropy, std::span<const std::uint64_t> spawn_key,
                                         std::size_t pool_size, std::size_t words);

}  // namespace dq::sampling
