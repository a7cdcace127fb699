#pragma once
// Uniform to normal numbers, to the last bit as PyTorch's CPU kernel does it.

namespace dq::sampling {

// Turns 16 uniform floats in [0, 1) into 16 normal ones, in place (Box & Muller 1958): values j and j + 8
// make one pair, u1 = 1 − x[j] sets the radius, u2 = x[j + 8] the angle.
void box_muller_16(float* x);

}  // namespace dq::sampling
