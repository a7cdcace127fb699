#pragma once
// Seeded random numbers as the bytes of a dtype: the same on every machine.
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "tensor/dtype.h"

namespace dq::tools {

// Takes the next bytes of a tensor.
using Sink = std::function<void(std::span<const std::byte>)>;

struct RandomFill {
  std::uint64_t seed = 0;        // of the whole file
  std::string_view name;         // makes every tensor its own stream: a tensor is the same in each layout
  std::int64_t count = 0;        // elements
  float centre = 0, spread = 0;  // uniform in [centre − spread, centre + spread)
};

// Streams the tensor in pieces of at most 4 MB. `dtype` is f32, f16 or bf16.
void write_random(const RandomFill& fill, DType dtype, const Sink& sink);

}  // namespace dq::tools
