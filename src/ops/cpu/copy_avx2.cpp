#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/cpu/copy_kernels.h"

namespace dq::ops::cpu {
namespace {

// Bytes of a mapped file need not be aligned to their type.
template <class T>
void widen(const std::byte* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, x + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    if constexpr (requires { to_float(value); })
      y[i] = to_float(value);
    else
      y[i] = static_cast<float>(value);
  }
}

void widen_half(const std::byte* x, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i * 2));
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(half));
  }
  widen<Half>(x + i * 2, y + i, n - i);
}

void narrow_half(const float* x, std::byte* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i * 2), half);
  }
  for (; i < n; ++i) {
    const Half half = to_half(x[i]);
    std::memcpy(y + i * 2, &half, 2);
  }
}

void narrow_bfloat16(const float* x, std::byte* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const BFloat16 value = to_bfloat16(x[i]);
    std::memcpy(y + i * 2, &value, 2);
  }
}

void to_f32(const std::byte* x, DType from, float* y, std::int64_t n) {
  switch (from) {
    case DType::kF64:
      return widen<double>(x, y, n);
    case DType::kF32:
      return widen<float>(x, y, n);
    case DType::kF16:
      return widen_half(x, y, n);
    case DType::kBF16:
      return widen<BFloat16>(x, y, n);
    case DType::kF8E4M3:
      return widen<Float8E4M3>(x, y, n);
    case DType::kF8E5M2:
      return widen<Float8E5M2>(x, y, n);
    case DType::kI64:
      return widen<std::int64_t>(x, y, n);
    case DType::kI32:
      return widen<std::int32_t>(x, y, n);
    case DType::kI16:
      return widen<std::int16_t>(x, y, n);
    case DType::kI8:
      return widen<std::int8_t>(x, y, n);
    case DType::kU64:
      return widen<std::uint64_t>(x, y, n);
    case DType::kU32:
      return widen<std::uint32_t>(x, y, n);
    case DType::kU16:
      return widen<std::uint16_t>(x, y, n);
    case DType::kU8:
      return widen<std::uint8_t>(x, y, n);
    case DType::kBool:
      for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] != std::byte{0} ? 1.0F : 0.0F;
      return;
  }
}

void from_f32(const float* x, std::byte* y, DType to, std::int64_t n) {
  if (to == DType::kF16)
    narrow_half(x, y, n);
  else if (to == DType::kBF16)
    narrow_bfloat16(x, y, n);
  else
    std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(float));
}

// Eight rows of eight floats, turned: three rounds of swapping halves, as in every textbook on AVX.
void transpose_8x8(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(x + i * x_stride);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(y + i * y_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(y + (i + 4) * y_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

}  // namespace

void convert_row(const std::byte* x, DType from, std::byte* y, DType to, std::int64_t n) {
  if (from == DType::kF32) return from_f32(reinterpret_cast<const float*>(x), y, to, n);
  if (to == DType::kF32) return to_f32(x, from, reinterpret_cast<float*>(y), n);
  std::array<float, 512> buffer;
  for (std::int64_t i = 0; i < n; i += 512) {
    const std::int64_t some = std::min<std::int64_t>(512, n - i);
    to_f32(x + i * size_of(from), from, buffer.data(), some);
    from_f32(buffer.data(), y + i * size_of(to), to, some);
  }
}

void transpose_4_bytes(const std::byte* x, std::int64_t x_stride, std::byte* y, std::int64_t y_stride,
                       std::int64_t rows, std::int64_t columns) {
  // Bits are moved, never computed with: floats stand for any four bytes.
  const auto* from = reinterpret_cast<const float*>(x);
  auto* to = reinterpret_cast<float*>(y);
  const std::int64_t full_rows = rows / 8 * 8, full_columns = columns / 8 * 8;
  for (std::int64_t i = 0; i < full_rows; i += 8) {
    for (std::int64_t j = 0; j < full_columns; j += 8) {
      transpose_8x8(from + j * x_stride + i, x_stride, to + i * y_stride + j, y_stride);
    }
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = i < full_rows ? full_columns : 0; j < columns; ++j) {
      std::memcpy(to + i * y_stride + j, from + j * x_stride + i, 4);
    }
  }
}

}  // namespace dq::ops::cpu
