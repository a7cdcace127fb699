#include "grad/stochastic_rounding.h"

#include "base/counter_random.h"
#include "base/error.h"
#include "grad/optimizer_parts.h"

namespace dq::grad {
namespace {

static_assert(kPiece % 4 == 0);

// Calls use(i, bits) for every number of x; four of them share 64 bits.
template <class Use>
void with_random_bits(const Tensor& x, std::initializer_list<std::uint64_t> place, const Use& use) {
  if (!x.is_contiguous()) {
    throw Error(ErrorCode::kInternal, "stochastic rounding needs a contiguous tensor");
  }
  const std::uint64_t start = CounterRandom(place).next();
  in_pieces(x.device(), x.count(), [&](std::int64_t at, std::int64_t n) {
    // SplitMix64's state moves by kStep a number, so the sequence can be entered anywhere.
    SplitMix64 random(start + static_cast<std::uint64_t>(at / 4) * SplitMix64::kStep);
    for (std::int64_t i = at; i < at + n; i += 4) {
      std::uint64_t bits = random.next();
      for (std::int64_t k = i; k < std::min(i + 4, at + n); ++k, bits >>= 16)
        use(k, static_cast<std::uint16_t>(bits));
    }
  });
}

}  // namespace

BFloat16 to_bfloat16_stochastic(float v, std::uint16_t random) {
  constexpr std::uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  constexpr std::uint16_t kGreatest = 0x7f7f;
  const auto u = std::bit_cast<std::uint32_t>(v);
  if ((u & kMagnitude) >= kInfinity) return to_bfloat16(v);
  const std::uint32_t rounded = u + random;
  if ((rounded & kMagnitude) >= kInfinity) {
    return {static_cast<std::uint16_t>((u >> 16 & 0x8000u) | kGreatest)};
  }
  return {static_cast<std::uint16_t>(rounded >> 16)};
}

Tensor to_bfloat16_stochastic(const Tensor& x, std::initializer_list<std::uint64_t> place) {
  Tensor y = Tensor::empty(x.device(), DType::kBF16, x.shape());
  const float* from = x.data<float>();
  BFloat16* to = y.data<BFloat16>();
  with_random_bits(
      x, place, [&](std::int64_t i, std::uint16_t bits) { to[i] = to_bfloat16_stochastic(from[i], bits); });
  return y;
}

void round_to_bfloat16_stochastic(Tensor& x, std::initializer_list<std::uint64_t> place) {
  float* values = x.data<float>();
  with_random_bits(x, place, [&](std::int64_t i, std::uint16_t bits) {
    values[i] = to_float(to_bfloat16_stochastic(values[i], bits));
  });
}

}  // namespace dq::grad
