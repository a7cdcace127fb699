#include "ops/packed_weight.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"

namespace dq::ops {
namespace {

void check_weight(const char* op, const Tensor& weight, int rank) {
  if (!weight.defined()) bad_argument(op, "the weight is not there");
  if (!is_floating(weight.dtype())) {
    bad_argument(op, fmt::format("the weight is {}, not floating", to_string(weight.dtype())));
  }
  if (weight.rank() != rank || weight.count() == 0) {
    bad_argument(op, fmt::format("the weight has shape {}; {} sizes of at least 1 are needed",
                                 to_string(weight.shape()), rank));
  }
}

}  // namespace

PackedWeight pack_linear(Device& device, const Tensor& weight, Precision compute) {
  check_weight("pack_linear", weight, 2);
  return require(device.backend().pack_linear, "pack_linear", device)(device, weight, compute);
}

PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute) {
  check_weight("pack_conv2d", weight, 4);
  return require(device.backend().pack_conv2d, "pack_conv2d", device)(device, weight, compute);
}

}  // namespace dq::ops
