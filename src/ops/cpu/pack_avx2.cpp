#include "ops/cpu/pack_kernels.h"

#include <cstring>

namespace dq::ops::cpu {
namespace {

template <int kSize>
void gather(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * kSize, from + i * stride * kSize, kSize);
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
