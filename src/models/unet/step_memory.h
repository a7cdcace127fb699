#pragma once
// What one call of the U-Net takes beside its weights, without loading it.
#include "models/family.h"
#include "models/unet/config.h"

namespace dq::models::unet {

// Bytes of activations at the peak of one call. Follows unet.cpp's order of work and counts every map that is
// alive at once; scratch memory of kernels is a flat allowance.
std::int64_t step_bytes(const Config& config, const StepShape& shape);

}  // namespace dq::models::unet
