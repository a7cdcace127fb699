#pragma once
// How much memory a part will take, told from its table before anything is loaded.
#include <cstdint>

#include "tensor/device.h"
#include "weights/tensor_table.h"

namespace dq::weights {

// Bytes of the table's parameters as Loader keeps them for painting: matrices and kernels in the panels of
// pack_linear, which never inflate what is stored; everything smaller as f32. Other dtypes count nothing.
std::int64_t packed_bytes(const TensorTable& table, Precision precision);

}  // namespace dq::weights
