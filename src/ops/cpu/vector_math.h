#pragma once
// Functions of vectors, over the instruction sets of simd.h (the same rules of inclusion hold). Relative
// errors were measured against double precision over the whole range; NaN goes in and comes out.
#include "ops/activation.h"
#include "ops/cpu/simd.h"

namespace dq::ops::cpu {
namespace {

template <class Isa>
using VecOf = typename Isa::Vec;

// e^r for |r| ≤ ln2/2 (minimax polynomial, relative error 3e-9 before rounding).
template <class Isa>
VecOf<Isa> exp_reduced(VecOf<Isa> r) {
  VecOf<Isa> p = Isa::set1(0.0013814467238262296f);
  p = Isa::fma(p, r, Isa::set1(0.008368780836462975f));
  p = Isa::fma(p, r, Isa::set1(0.04166839271783829f));
  p = Isa::fma(p, r, Isa::set1(0.1666651964187622f));
  p = Isa::fma(p, r, Isa::set1(0.4999999403953552f));
  p = Isa::fma(p, r, Isa::set1(1.0f));
  return Isa::fma(p, r, Isa::set1(1.0f));
}

constexpr float kLog2E = 1.44269504F;

// x = n·ln2 + r (Cody & Waite 1980: ln2 in two parts, so that r keeps its low bits).
template <class Isa>
VecOf<Isa> exp_split(VecOf<Isa> x, VecOf<Isa>& n) {
  n = Isa::round(x * Isa::set1(kLog2E));
  const VecOf<Isa> r = Isa::fnma(n, Isa::set1(0.693359375f), x);
  return Isa::fnma(n, Isa::set1(-2.12194440e-4f), r);
}

// e^x. Overflows to infinity above 88.72, goes through subnormals to 0 below −103.9. Relative error ≤ 1.5e-7.
template <class Isa>
VecOf<Isa> exp(VecOf<Isa> x) {
  x = Isa::max(Isa::set1(-105.0f), Isa::min(Isa::set1(90.0f), x));
  VecOf<Isa> n;
  const VecOf<Isa> r = exp_split<Isa>(x, n);
  const VecOf<Isa> half = Isa::round(n * Isa::set1(0.5f));
  return exp_reduced<Isa>(r) * Isa::exp2_int(half) * Isa::exp2_int(n - half);
}

// 2^x for x ≤ 0, as softmax needs it: 0 below −126.5 (−∞ included). Relative error ≤ 1.6e-7 (minimax
// polynomial of degree 5). The exponent field of 2^−127 is 0, so the last of the clamped range needs no case
// of its own.
template <class Isa>
VecOf<Isa> exp2_nonpositive(VecOf<Isa> x) {
  x = Isa::max(Isa::set1(-127.0f), x);
  const VecOf<Isa> n = Isa::round(x), r = x - n;
  VecOf<Isa> p = Isa::set1(0.001326472731307149f);
  p = Isa::fma(p, r, Isa::set1(0.009671512991189957f));
  p = Isa::fma(p, r, Isa::set1(0.05550733581185341f));
  p = Isa::fma(p, r, Isa::set1(0.24022242426872253f));
  p = Isa::fma(p, r, Isa::set1(0.6931470036506653f));
  p = Isa::fma(p, r, Isa::set1(1.0f));
  return p * Isa::exp2_int(n);
}

// The same for results that are rounded to bf16. Relative error ≤ 8e-5 (minimax polynomial of degree 3 on [0,
// 1)).
template <class Isa>
VecOf<Isa> exp2_nonpositive_rough(VecOf<Isa> x) {
  const VecOf<Isa> r = Isa::above_floor(x);
  VecOf<Isa> p = Isa::set1(0.07802452147006989f);
  p = Isa::fma(p, r, Isa::set1(0.22606715559959412f));
  p = Isa::fma(p, r, Isa::set1(0.6958335638046265f));
  p = Isa::fma(p, r, Isa::set1(0.9999251961708069f));
  return Isa::scale_exp2_floor(p, x);
}

// 1/(1 + e^−x).
template <class Isa>
VecOf<Isa> sigmoid(VecOf<Isa> x) {
  return Isa::set1(1.0f) / (Isa::set1(1.0f) + exp<Isa>(-x));
}

template <class Isa>
VecOf<Isa> silu(VecOf<Isa> x) {
  return x / (Isa::set1(1.0f) + exp<Isa>(-x));
}

// Φ(x) = erfc(−x/√2)/2. With z = |x| and t = 1/(1 + 0.26·z) the tail is e^(−z²/2)·t·q(t): a polynomial in t
// after the form of Hastings (1955), our own minimax fit on z ≤ 14 (relative error 2.5e-8 before rounding).
template <class Isa>
VecOf<Isa> normal_cdf(VecOf<Isa> x) {
  const VecOf<Isa> one = Isa::set1(1.0f);
  const VecOf<Isa> z = Isa::abs(x);
  const VecOf<Isa> t = one / Isa::fma(Isa::set1(0.26f), z, one);
  VecOf<Isa> q = Isa::set1(0.0305047916694154f);
  q = Isa::fma(q, t, Isa::set1(-0.15282840531002234f));
  q = Isa::fma(q, t, Isa::set1(0.25149049247354305f));
  q = Isa::fma(q, t, Isa::set1(-0.1509481273369703f));
  q = Isa::fma(q, t, Isa::set1(0.16094732503862436f));
  q = Isa::fma(q, t, Isa::set1(0.051027890435419825f));
  q = Isa::fma(q, t, Isa::set1(0.103030204178405f));
  q = Isa::fma(q, t, Isa::set1(0.10301675700885066f));
  q = Isa::fma(q, t, Isa::set1(0.10375905946748984f));
  const VecOf<Isa> tail = q * t * exp<Isa>(z * z * Isa::set1(-0.5f));
  return Isa::select_less(x, Isa::zero(), tail, one - tail);
}

template <class Isa>
VecOf<Isa> gelu(VecOf<Isa> x) {
  return x * normal_cdf<Isa>(x);
}

// ½x(1 + tanh u) = x·sigmoid(2u), u = √(2/π)(x + 0.044715 x³).
template <class Isa>
VecOf<Isa> gelu_tanh(VecOf<Isa> x) {
  const VecOf<Isa> cubic = Isa::fma(x * x, x * Isa::set1(0.044715f), x);
  return x * sigmoid<Isa>(cubic * Isa::set1(1.5957691216057308f));
}

template <class Isa>
VecOf<Isa> quick_gelu(VecOf<Isa> x) {
  return x * sigmoid<Isa>(x * Isa::set1(1.702f));
}

template <class Isa>
VecOf<Isa> activate(VecOf<Isa> x, Activation act) {
  switch (act) {
    case Activation::kNone:
      return x;
    case Activation::kSilu:
      return silu<Isa>(x);
    case Activation::kGelu:
      return gelu<Isa>(x);
    case Activation::kGeluTanh:
      return gelu_tanh<Isa>(x);
    case Activation::kQuickGelu:
      return quick_gelu<Isa>(x);
  }
  return x;
}

}  // namespace
}  // namespace dq::ops::cpu
