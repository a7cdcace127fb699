#pragma once
// How much memory a part will take, told from its table before anything is loaded.
#include <cstdint>

#include "tensor/device.h"
#include "weights/tensor_table.h"

namespace dq::weights {

// Bytes of one parameter as Loader keeps it for painting: a matrix or kernel in the panels of pack_linear,
// which never inflate what is stored; everything smaller as f32. Other dtypes count nothing.
std::int64_t packed_bytes(const files::TensorEntry& entry, Precision precision);

// How many numbers the parameters of a table are.
std::int64_t numbers(const TensorTable& table);

// Bytes of all parameters of a table.
std::int64_t packed_bytes(const TensorTable& table, Precision precision);

// Is this the shape of a convolution's kernel? One of 1×1 is a matrix.
bool is_kernel(const Shape& shape);

// The matrices and kernels of a table, which need not stay in memory (LoadOptions::resident).
struct MatrixBytes {
  struct Kind {
    std::int64_t packed = 0;  // all of them
    std::int64_t at_use = 0;  // of the largest, while it is used without staying: in the file and packed
  };
  Kind matrices, kernels;  // kernels: of convolutions larger than 1×1

  std::int64_t packed() const { return matrices.packed + kernels.packed; }
};
MatrixBytes matrix_bytes(const TensorTable& table, Precision precision);

}  // namespace dq::weights
