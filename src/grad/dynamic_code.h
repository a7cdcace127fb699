#pragma once
// Numbers in 8 bits, as optimisers keep their moments (dynamic quantisation by blocks: Dettmers et al. 2022,
// after Dettmers 2016). A block of up to 256 numbers is divided by its greatest magnitude; each is then
// stored as the place of the nearest of 256 values. Those lie in seven decades, [10⁻⁷, 10⁻⁶] to [0.1, 1]:
//
//   decade e = 0 … 6:  10^(e−6)·c, c the centres of 2ᵉ equal parts of [0.1, 1], with both signs;
//                      without a sign, of 2^(e+1) parts
//   and 0 and 1.
#include <array>
#include <cstdint>

namespace dq::grad {

constexpr std::int64_t kCodeBlock = 256;

class DynamicCode {
 public:
  enum class Sign : std::uint8_t { kSigned, kUnsigned };
  explicit DynamicCode(Sign sign);

  // The 256 values, rising.
  const std::array<float, 256>& values() const { return values_; }

  // Up to kCodeBlock numbers → codes; returns the peak that decode needs. Without a sign a positive number
  // never becomes 0, which would make a denominator of it vanish (bitsandbytes lets it).
  float encode(const float* x, std::int64_t n, std::uint8_t* codes) const;
  void decode(const std::uint8_t* codes, std::int64_t n, float peak, float* x) const;

 private:
  std::array<float, 256> values_{};
  std::array<float, 255> borders_{};  // half way between neighbours
  std::uint8_t least_ = 0;            // the code of the least number that is not 0, without a sign
};

}  // namespace dq::grad
