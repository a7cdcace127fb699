#include "ops/packed_weight.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/gradient.h"

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
  PackedWeight out = require(device.backend().pack_linear, "pack_linear", device)(device, weight, compute);
  if (wants_gradient({&weight})) out.source = weight;
  return out;
}

PackedWeight pack_conv2d(Device& device, const Tensor& weight, Precision compute) {
  check_weight("pack_conv2d", weight, 4);
  PackedWeight out = require(device.backend().pack_conv2d, "pack_conv2d", device)(device, weight, compute);
  if (wants_gradient({&weight})) out.source = weight;
  return out;
}

PackedWeight pack_weight(Device& device, const Tensor& weight, Precision compute) {
  return weight.rank() == 4 ? pack_conv2d(device, weight, compute) : pack_linear(device, weight, compute);
}

PackedWeight pack_turned(const PackedWeight& weight) {
  if (!weight.source.defined()) {
    throw Error(ErrorCode::kInternal, "a weight that was loaded for painting has no way back");
  }
  const Tensor source = weight.source.detached();
  Device& device = weight.data.device();
  if (source.rank() == 2) {
    return require(device.backend().pack_linear, "pack_turned", device)(device, source.permute({1, 0}),
                                                                        weight.compute);
  }
  Tensor turned =
      Tensor::empty(device, source.dtype(), {source.dim(1), source.dim(0), source.dim(2), source.dim(3)});
  const auto copy = require(device.backend().copy, "pack_turned", device);
  for (std::int64_t h = 0; h < source.dim(2); ++h) {
    for (std::int64_t w = 0; w < source.dim(3); ++w) {
      Tensor to = turned.slice(2, h, h + 1).slice(3, w, w + 1);
      const std::int64_t from_h = source.dim(2) - 1 - h, from_w = source.dim(3) - 1 - w;
      copy(source.slice(2, from_h, from_h + 1).slice(3, from_w, from_w + 1).permute({1, 0, 2, 3}), to);
    }
  }
  return require(device.backend().pack_conv2d, "pack_conv2d", device)(device, turned, weight.compute);
}

}  // namespace dq::ops
