#pragma once
// What this processor and its operating system offer.
#include "ops/devices.h"

namespace dq::ops::cpu {

// True when both the processor has the instructions and the system saves their registers.
bool has_isa(Isa isa);

}  // namespace dq::ops::cpu
