#pragma once
// The inner loops of copies: element conversion and in-register transposition. Memory sets their pace, so
// one version (AVX2, F16C) serves every processor.
#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace dq::ops::cpu {

// y[i] = x[i] for n neighbouring elements, any dtype to f32, f16 or bf16, by way of f32 where need be.
void convert_row(const std::byte* x, DType from, std::byte* y, DType to, std::int64_t n);

// y[i·y_stride + j] = x[j·x_stride + i] for i < rows, j < columns: 4-byte elements, strides in elements.
void transpose_4_bytes(const std::byte* x, std::int64_t x_stride, std::byte* y, std::int64_t y_stride,
                       std::int64_t rows, std::int64_t columns);

}  // namespace dq::ops::cpu
