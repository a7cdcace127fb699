#include "checkpoint/values.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace dq::tools {
namespace {

constexpr std::int64_t kPiece = 1 << 20;  // elements

// SplitMix64 (Steele, Lea & Flood 2014): a counter and a mixer.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state) : state_(state) {}
  std::uint64_t operator()() {
    state_ += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

// [−1, 1) from 24 bits.
float unit(std::uint64_t bits) {
  return static_cast<float>(bits & 0xffffffu) * 0x1p-23f - 1.0f;
}

template <class T, class Convert>
void fill_stream(const RandomFill& fill, const Sink& sink, Convert convert) {
  SplitMix64 next(SplitMix64(fill.seed ^ hash_of(fill.name))());
  std::vector<T> piece(static_cast<std::size_t>(std::min(fill.count, kPiece)));
  for (std::int64_t done = 0; done < fill.count;) {
    const auto n = static_cast<std::size_t>(std::min(fill.count - done, kPiece));
    for (std::size_t i = 0; i < n; i += 2) {  // kPiece is even: one draw makes two numbers
      const std::uint64_t bits = next();
      piece[i] = convert(fill.centre + fill.spread * unit(bits >> 40));
      if (i + 1 < n) piece[i + 1] = convert(fill.centre + fill.spread * unit(bits >> 8));
    }
    sink(std::as_bytes(std::span(piece.data(), n)));
    done += static_cast<std::int64_t>(n);
  }
}

}  // namespace

void write_random(const RandomFill& fill, DType dtype, const Sink& sink) {
  switch (dtype) {
    case DType::kF32:
      return fill_stream<float>(fill, sink, [](float v) { return v; });
    case DType::kF16:
      return fill_stream<Half>(fill, sink, [](float v) { return to_half(v); });
    case DType::kBF16:
      return fill_stream<BFloat16>(fill, sink, [](float v) { return to_bfloat16(v); });
    default:
      throw Error(ErrorCode::kInvalidArgument, "random weights are f32, f16 or bf16");
  }
}

}  // namespace dq::tools
