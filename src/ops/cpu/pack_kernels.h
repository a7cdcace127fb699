#pragma once
// The inner loops of weight packing. One version (AVX2) serves every processor.
#include <cstddef>
#include <cstdint>

namespace dq::ops::cpu {

// to[i] = from[i·stride], n elements of 1, 2, 4 or 8 bytes; stride in elements.
void gather_strided(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t n,
                    int element_size);

// Lines of a panel from rows `stride` numbers apart: line i is row i, `live` numbers and zeros up to nr. nr
// is a multiple of 8.
void copy_lines(const float* from, std::int64_t stride, std::int64_t live, std::int64_t nr,
                std::int64_t lines, float* panel);
// The same for a panel of bf16 pairs of `lines`, an even number, of which only `rows` rows exist.
void zip_lines(const float* from, std::int64_t stride, std::int64_t live, std::int64_t nr, std::int64_t rows,
               std::int64_t lines, std::uint16_t* panel);

// pairs: ⌈k/2⌉ lines of nr pairs of 16-bit numbers; panel: k lines of nr numbers. Low halves go to even
// lines.
void unzip(const std::uint32_t* pairs, std::int64_t nr, std::int64_t k, std::uint16_t* panel);

}  // namespace dq::ops::cpu
