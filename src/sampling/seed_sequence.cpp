#include "sampling/seed_sequence.h"

namespace dq::sampling {
namespace {

// A number as little-endian words, at least one.
void append_words(std::vector<std::uint32_t>& words, std::uint64_t value) {
  do {
    words.push_back(static_cast<std::uint32_t>(value));
    value >>= 32;
  } while (value != 0);
}

class Hash {
 public:
  Hash(std::uint32_t start, std::uint32_t multiplier) : constant_(start), multiplier_(multiplier) {}

  std::uint32_t operator()(std::uint32_t value) {
    value ^= constant_;
    constant_ *= multiplier_;
    value *= constant_;
    return value ^ (value >> 16);
  }

 private:
  std::uint32_t constant_, multiplier_;
};

std::uint32_t mix(std::uint32_t x, std::uint32_t y) {
  const std::uint32_t result = 0xca01f9ddU * x - 0x4973f715U * y;
  return result ^ (result >> 16);
}

}  // namespace

std::vector<std::uint32_t> seed_sequence(std::uint64_t entropy, std::span<const std::uint64_t> spawn_key,
                                         std::size_t pool_size, std::size_t words) {
  std::vector<std::uint32_t> input;
  append_words(input, entropy);
  // A child never shares its input with a longer seed of no child.
  if (!spawn_key.empty() && input.size() < pool_size) input.resize(pool_size, 0);
  for (const std::uint64_t key : spawn_key) append_words(input, key);

  std::vector<std::uint32_t> pool(pool_size);
  Hash hash(0x43b0d7e5U, 0x931e8875U);
  for (std::size_t i = 0; i < pool_size; ++i) pool[i] = hash(i < input.size() ? input[i] : 0);
  for (std::size_t from = 0; from < pool_size; ++from) {
    for (std::size_t to = 0; to < pool_size; ++to) {
      if (from != to) pool[to] = mix(pool[to], hash(pool[from]));
    }
  }
  for (std::size_t from = pool_size; from < input.size(); ++from) {
    for (std::size_t to = 0; to < pool_size; ++to) pool[to] = mix(pool[to], hash(input[from]));
  }

  std::vector<std::uint32_t> state(words);
  Hash out(0x8b51f9ddU, 0x58f38dedU);
  for (std::size_t i = 0; i < words; ++i) state[i] = out(pool[i % pool_size]);
  return state;
}

}  // namespace dq::sampling
