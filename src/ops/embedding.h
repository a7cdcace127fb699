#pragma once
// Rows of a table, looked up by number.
#include <span>

#include "tensor/tensor.h"

namespace dq::ops {

// table: [V, D], f32, f16 or bf16, any host memory; ids in [0, V), checked. Returns [ids, D] f32.
Tensor embedding(const Tensor& table, std::span<const std::int32_t> ids);

}  // namespace dq::ops
