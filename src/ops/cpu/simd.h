#pragma once
// Vectors of floats for the kernels: one struct of functions per instruction set. Kernels are templates over
// it:
//
//   template <class Isa>
//   void scale(float* x, std::int64_t n, float a) {
//     for (std::int64_t i = 0; i + Isa::kWidth <= n; i += Isa::kWidth) {
//       Isa::store(x + i, Isa::load(x + i) * Isa::set1(a));
//     }
//   }
//
// Include it only from kernel sources, whose names end in _avx2.cpp, _avx512.cpp, _avx512bf16.cpp or
// _amx.cpp. Everything here is in an unnamed namespace, so that no function compiled for one instruction set
// can be linked into another's code; for the same reason kernels call no inline function of the standard
// library (std::min and friends). Emulated512 is the 512-bit code with BF16 dot products in terms of AVX2: it
// lets tests run the wide kernels and their layouts on processors that lack them.
//
// Vec has + - * / by lane (and unary minus). "x86 order" below: max(a, b) and min(a, b) return b when either
// is NaN, so put the value whose NaN must survive second.

// GCC 12 takes the deliberately undefined registers inside its own AVX-512 intrinsics for mistakes (GCC bug
// 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstdint>
#include <cstring>

namespace dq::ops::cpu {
namespace {

struct Avx2 {
  static constexpr int kWidth = 8;            // floats a vector
  static constexpr bool kHasBf16Dot = false;  // dot_bf16 and Pairs exist
  using Vec = __m256;

  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec set1(float v) { return _mm256_set1_ps(v); }
  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  // The first n floats, 0 ≤ n ≤ kWidth; the other lanes are 0 and memory behind them is not touched.
  // Whole vectors take the plain instructions: masked stores cost many times as much on AMD.
  static Vec load_n(const float* p, int n) { return n == kWidth ? load(p) : _mm256_maskload_ps(p, lanes(n)); }
  static void store_n(float* p, int n, Vec v) {
    if (n == kWidth) return store(p, v);
    _mm256_maskstore_ps(p, lanes(n), v);
  }

  // 16-bit floats; storing rounds to nearest even. kWidth values.
  static Vec load_f16(const std::uint16_t* p) { return _mm256_cvtph_ps(load_half(p)); }
  static Vec load_bf16(const std::uint16_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(p)), 16));
  }
  static void store_f16(std::uint16_t* p, Vec v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_bf16(std::uint16_t* p, Vec v) {
    const __m256i high = _mm256_srli_epi32(_mm256_castps_si256(round_bf16(v)), 16);
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }
  static void store_bf16_zipped(std::uint16_t* p, Vec even, Vec odd) {
    const __m256i low = _mm256_srli_epi32(_mm256_castps_si256(round_bf16(even)), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm256_or_si256(low, _mm256_castps_si256(round_bf16(odd))));
  }
  // v rounded to the nearest bfloat16, still as float. NaN stays NaN.
  static Vec round_bf16(Vec v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
    const __m256i picked = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(nan));
    return _mm256_castsi256_ps(_mm256_and_si256(picked, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }    // a·b + c
  static Vec fnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }  // c − a·b
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }                // x86 order
  static Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }                // x86 order
  static Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
  static Vec abs(Vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // 2^v for integral v in [−126, 127].
  static Vec exp2_int(Vec v) {
    const __m256i n = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
  }
  // For x ≤ 0, −∞ too: x − ⌊x⌋, or any number in [0, 1) below −127; and v·2^⌊x⌋, which below −126 may be 0.
  static Vec above_floor(Vec x) {
    x = max(set1(-127.0f), x);
    return x - _mm256_floor_ps(x);
  }
  static Vec scale_exp2_floor(Vec v, Vec x) { return v * exp2_int(_mm256_floor_ps(max(set1(-127.0f), x))); }
  // a < b ? x : y, by lane; false when either is NaN.
  static Vec select_less(Vec a, Vec b, Vec x, Vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }

  static float sum(Vec v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  static float max_lane(Vec v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

 private:
  static __m128i load_half(const std::uint16_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  static __m256i lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

// Sixteen lanes as two AVX2 halves, with the BF16 dot product of AVX512-BF16.
struct Emulated512 {
  static constexpr int kWidth = 16;
  static constexpr bool kHasBf16Dot = true;
  struct Vec {
    __m256 lo, hi;
    friend Vec operator+(Vec a, Vec b) { return {a.lo + b.lo, a.hi + b.hi}; }
    friend Vec operator-(Vec a, Vec b) { return {a.lo - b.lo, a.hi - b.hi}; }
    friend Vec operator*(Vec a, Vec b) { return {a.lo * b.lo, a.hi * b.hi}; }
    friend Vec operator/(Vec a, Vec b) { return {a.lo / b.lo, a.hi / b.hi}; }
    friend Vec operator-(Vec a) { return {-a.lo, -a.hi}; }
  };
  struct Pairs {
    __m256i lo, hi;
  };

  static Vec zero() { return {Avx2::zero(), Avx2::zero()}; }
  static Vec set1(float v) { return {Avx2::set1(v), Avx2::set1(v)}; }
  static Vec load(const float* p) { return {Avx2::load(p), Avx2::load(p + 8)}; }
  static void store(float* p, Vec v) {
    Avx2::store(p, v.lo);
    Avx2::store(p + 8, v.hi);
  }
  static Vec load_n(const float* p, int n) {
    return n <= 8 ? Vec{Avx2::load_n(p, n), Avx2::zero()} : Vec{Avx2::load(p), Avx2::load_n(p + 8, n - 8)};
  }
  static void store_n(float* p, int n, Vec v) {
    Avx2::store_n(p, n, v.lo);
    if (n > 8) Avx2::store_n(p + 8, n - 8, v.hi);
  }
  static Vec load_f16(const std::uint16_t* p) { return {Avx2::load_f16(p), Avx2::load_f16(p + 8)}; }
  static Vec load_bf16(const std::uint16_t* p) { return {Avx2::load_bf16(p), Avx2::load_bf16(p + 8)}; }
  static void store_f16(std::uint16_t* p, Vec v) {
    Avx2::store_f16(p, v.lo);
    Avx2::store_f16(p + 8, v.hi);
  }
  static void store_bf16(std::uint16_t* p, Vec v) {
    Avx2::store_bf16(p, v.lo);
    Avx2::store_bf16(p + 8, v.hi);
  }
  static Vec round_bf16(Vec v) { return {Avx2::round_bf16(v.lo), Avx2::round_bf16(v.hi)}; }
  // Two vectors, one after the other.
  static void store_bf16_two(std::uint16_t* p, Vec first, Vec second) {
    store_bf16(p, first);
    store_bf16(p + kWidth, second);
  }
  static Vec fma(Vec a, Vec b, Vec c) { return {Avx2::fma(a.lo, b.lo, c.lo), Avx2::fma(a.hi, b.hi, c.hi)}; }
  static Vec fnma(Vec a, Vec b, Vec c) {
    return {Avx2::fnma(a.lo, b.lo, c.lo), Avx2::fnma(a.hi, b.hi, c.hi)};
  }
  static Vec max(Vec a, Vec b) { return {Avx2::max(a.lo, b.lo), Avx2::max(a.hi, b.hi)}; }
  static Vec min(Vec a, Vec b) { return {Avx2::min(a.lo, b.lo), Avx2::min(a.hi, b.hi)}; }
  static Vec sqrt(Vec a) { return {Avx2::sqrt(a.lo), Avx2::sqrt(a.hi)}; }
  static Vec abs(Vec a) { return {Avx2::abs(a.lo), Avx2::abs(a.hi)}; }
  static Vec round(Vec a) { return {Avx2::round(a.lo), Avx2::round(a.hi)}; }
  static Vec exp2_int(Vec v) { return {Avx2::exp2_int(v.lo), Avx2::exp2_int(v.hi)}; }
  static Vec above_floor(Vec x) { return {Avx2::above_floor(x.lo), Avx2::above_floor(x.hi)}; }
  static Vec scale_exp2_floor(Vec v, Vec x) {
    return {Avx2::scale_exp2_floor(v.lo, x.lo), Avx2::scale_exp2_floor(v.hi, x.hi)};
  }
  static Vec select_less(Vec a, Vec b, Vec x, Vec y) {
    return {Avx2::select_less(a.lo, b.lo, x.lo, y.lo), Avx2::select_less(a.hi, b.hi, x.hi, y.hi)};
  }
  // a < b in some lane.
  static bool any_less(Vec a, Vec b) {
    return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ),
                                           _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))) != 0;
  }
  static float sum(Vec v) { return Avx2::sum(v.lo + v.hi); }
  static float max_lane(Vec v) { return Avx2::max_lane(Avx2::max(v.lo, v.hi)); }

  // Rounded, lane by lane one after the other: even₀ odd₀ even₁ odd₁ …
  static void store_bf16_zipped(std::uint16_t* p, Vec even, Vec odd) {
    Avx2::store_bf16_zipped(p, even.lo, odd.lo);
    Avx2::store_bf16_zipped(p + kWidth, even.hi, odd.hi);
  }
  // Thirty-two bfloat16: lane i holds elements 2i (low half) and 2i + 1.
  static Pairs load_pairs(const std::uint16_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 16))};
  }
  // The two bfloat16 at p, in every lane.
  static Pairs broadcast_pair(const std::uint16_t* p) {
    std::int32_t both = 0;
    std::memcpy(&both, p, sizeof(both));
    return {_mm256_set1_epi32(both), _mm256_set1_epi32(both)};
  }
  // acc + a₁·b₁ + a₀·b₀ by lane, as two fused steps, the odd element first (VDPBF16PS; it also flushes
  // subnormals, which this emulation does not).
  static Vec dot_bf16(Vec acc, Pairs a, Pairs b) {
    return {dot_half(acc.lo, a.lo, b.lo), dot_half(acc.hi, a.hi, b.hi)};
  }
  // The even and the odd elements, as floats.
  static Vec even(Pairs p) { return {even_half(p.lo), even_half(p.hi)}; }
  static Vec odd(Pairs p) { return {odd_half(p.lo), odd_half(p.hi)}; }

 private:
  static __m256 even_half(__m256i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)); }
  static __m256 odd_half(__m256i v) {
    return _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static __m256 dot_half(__m256 acc, __m256i a, __m256i b) {
    return Avx2::fma(even_half(a), even_half(b), Avx2::fma(odd_half(a), odd_half(b), acc));
  }
};

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
struct Avx512 {
  static constexpr int kWidth = 16;
  static constexpr bool kHasBf16Dot = false;
  using Vec = __m512;

  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec set1(float v) { return _mm512_set1_ps(v); }
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static Vec load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(lanes(n), p); }
  static void store_n(float* p, int n, Vec v) { _mm512_mask_storeu_ps(p, lanes(n), v); }
  static Vec load_f16(const std::uint16_t* p) { return _mm512_cvtph_ps(load_half(p)); }
  static Vec load_bf16(const std::uint16_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_half(p)), 16));
  }
  static void store_f16(std::uint16_t* p, Vec v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_bf16(std::uint16_t* p, Vec v) {
    const __m512i high = _mm512_srli_epi32(_mm512_castps_si512(round_bf16(v)), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(high));
  }
  static Vec round_bf16(Vec v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i picked = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x00400000));
    return _mm512_castsi512_ps(_mm512_and_si512(picked, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec fnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec sqrt(Vec a) { return _mm512_sqrt_ps(a); }
  static Vec abs(Vec a) { return _mm512_abs_ps(a); }
  static Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec exp2_int(Vec v) {
    const __m512i n = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(n, 23));
  }
  static Vec above_floor(Vec x) {
    return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // 0 for −∞
  }
  static Vec scale_exp2_floor(Vec v, Vec x) { return _mm512_scalef_ps(v, x); }
  static Vec select_less(Vec a, Vec b, Vec x, Vec y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
  }
  static bool any_less(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) != 0; }
  static float sum(Vec v) { return Avx2::sum(low(v) + high(v)); }
  static float max_lane(Vec v) { return Avx2::max_lane(Avx2::max(low(v), high(v))); }

 private:
  static __m256i load_half(const std::uint16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static __mmask16 lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static __m256 low(Vec v) { return _mm512_castps512_ps256(v); }
  static __m256 high(Vec v) { return _mm512_extractf32x8_ps(v, 1); }
};
#endif

#if defined(__AVX512BF16__)
struct Avx512Bf16 : Avx512 {
  static constexpr bool kHasBf16Dot = true;
  using Pairs = __m512i;

  static void store_bf16_two(std::uint16_t* p, Vec first, Vec second) {
    _mm512_storeu_si512(p, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)));
  }
  static void store_bf16_zipped(std::uint16_t* p, Vec even, Vec odd) {
    const auto both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
    _mm512_storeu_si512(p, _mm512_permutexvar_epi16(zipped_lanes(), both));
  }
  static Pairs load_pairs(const std::uint16_t* p) { return _mm512_loadu_si512(p); }
  static Pairs broadcast_pair(const std::uint16_t* p) {
    std::int32_t both = 0;
    std::memcpy(&both, p, sizeof(both));
    return _mm512_set1_epi32(both);
  }
  static Vec dot_bf16(Vec acc, Pairs a, Pairs b) {
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  static Vec even(Pairs p) { return _mm512_castsi512_ps(_mm512_slli_epi32(p, 16)); }
  static Vec odd(Pairs p) {
    return _mm512_castsi512_ps(_mm512_and_si512(p, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }

 private:
  // 0, 16, 1, 17 … 15, 31.
  static __m512i zipped_lanes() {
    const __m512i step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_add_epi32(_mm512_mullo_epi32(step, _mm512_set1_epi32(0x10001)),
                            _mm512_set1_epi32(0x100000));
  }
};
#endif

}  // namespace
}  // namespace dq::ops::cpu
