#include "ops/cpu/pack_kernels.h"

#include "ops/cpu/simd.h"

namespace dq::ops::cpu {
namespace {

template <int kSize>
void gather(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * kSize, from + i * stride * kSize, kSize);
}

// How many lanes of a vector are among the next `left` numbers.
int lanes_left(std::int64_t left) {
  return left <= 0 ? 0 : left < Avx2::kWidth ? static_cast<int>(left) : Avx2::kWidth;
}

}  // namespace

void gather_strided(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t n,
                    int element_size) {
  switch (element_size) {
    case 1:
      return gather<1>(from, stride, to, n);
    case 2:
      return gather<2>(from, stride, to, n);
    case 4:
      return gather<4>(from, stride, to, n);
    default:
      return gather<8>(from, stride, to, n);
  }
}

void copy_lines(const float* from, std::int64_t stride, std::int64_t live, std::int64_t nr,
                std::int64_t lines, float* panel) {
  for (std::int64_t i = 0; i < lines; ++i, from += stride, panel += nr) {
    for (std::int64_t c = 0; c < nr; c += Avx2::kWidth) {
      Avx2::store(panel + c, Avx2::load_n(from + c, lanes_left(live - c)));
    }
  }
}

void zip_lines(const float* from, std::int64_t stride, std::int64_t live, std::int64_t nr, std::int64_t rows,
               std::int64_t lines, std::uint16_t* panel) {
  for (std::int64_t i = 0; i < lines; i += 2, from += 2 * stride, panel += 2 * nr) {
    for (std::int64_t c = 0; c < nr; c += Avx2::kWidth) {
      const int n = lanes_left(live - c);
      const __m256 even = Avx2::load_n(from + c, i < rows ? n : 0);
      const __m256 odd = Avx2::load_n(from + stride + c, i + 1 < rows ? n : 0);
      Avx2::store_bf16_zipped(panel + 2 * c, even, odd);
    }
  }
}

void unzip(const std::uint32_t* pairs, std::int64_t nr, std::int64_t k, std::uint16_t* panel) {
  for (std::int64_t i = 0; i < k; i += 2, pairs += nr) {
    std::uint16_t* even = panel + i * nr;
    for (std::int64_t j = 0; j < nr; ++j) even[j] = static_cast<std::uint16_t>(pairs[j]);
    if (i + 1 == k) return;
    std::uint16_t* odd = even + nr;
    for (std::int64_t j = 0; j < nr; ++j) odd[j] = static_cast<std::uint16_t>(pairs[j] >> 16);
  }
}

}  // namespace dq::ops::cpu
