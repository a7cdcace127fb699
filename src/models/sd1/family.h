#pragma once
#include "models/family.h"

namespace dq::models {

const Family& stable_diffusion_1();

}  // namespace dq::models
