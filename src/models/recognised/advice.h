#pragma once
// What a recognised file fits, what it does not and why, and whether this Danqing can use it.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {

// `ecosystem` is null for shared and unknown files; `serves` lists the ids that share it.
void advise(const Ecosystem* ecosystem, std::string_view serves, const weights::TensorTable& table,
            Recognition& found);

}  // namespace dq::models::recognised
