#pragma once
// Weights in bf16 that still learn: a step much smaller than half a unit of the last place would always be
// rounded away; rounded up with a probability of its share of that unit, it is kept on average (Gupta et al.
// 2015).
#include <initializer_list>

#include "tensor/tensor.h"

namespace dq::grad {

// v rounded to one of the two bf16 numbers around it, up in magnitude with the probability of its distance
// from the lower, by 16 random bits. Numbers that bf16 has stay; finite ones stay finite; NaN stays NaN.
BFloat16 to_bfloat16_stochastic(float v, std::uint16_t random);

// x (f32, contiguous) as bf16. The bits are a function of `place` (seed, step, which leaf …; see
// base/counter_random.h) and of the number's index alone.
Tensor to_bfloat16_stochastic(const Tensor& x, std::initializer_list<std::uint64_t> place);

// The same within x, which stays f32 but then holds only numbers that bf16 has.
void round_to_bfloat16_stochastic(Tensor& x, std::initializer_list<std::uint64_t> place);

}  // namespace dq::grad
