#pragma once
// Fresh numbers for a network that is trained from nothing.
#include <cstdint>
#include <functional>
#include <string_view>

#include "weights/parameter.h"

namespace dq::weights {

// Gives every parameter of a network loaded with Purpose::kTrain its first numbers, a function of the seed
// and its name:
//   matrices and kernels  uniform in ±1/√fan_in (PyTorch's default: Kaiming, a = √5; He et al. 2015)
//   tables ("…embedding…") normal with deviation 0.02, as CLIP's
//   norms                 1 and 0; biases 0
// and 0 where `starts_at_zero` says so: the last layer of a residual branch, so that the network begins as
// the identity (Goyal et al. 2017).
void initialise(const Parameters& parameters, std::uint64_t seed,
                const std::function<bool(std::string_view name)>& starts_at_zero = {});

}  // namespace dq::weights
