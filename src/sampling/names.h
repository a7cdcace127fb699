#pragma once
// How people write names of samplers and schedulers.
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dq::sampling {

// Lower case, without spaces and with one word separator: "DPM++ 2M SDE" → "dpm++_2m_sde".
std::string folded(std::string_view name);

// An error that says which name is unknown and lists those that come near, or all when none does. `labels`:
// what other programs call the known ones, one each or none at all; near ones are listed by their known name.
Error unknown_name(std::string_view what, std::string_view name, std::span<const std::string> known,
                   std::span<const std::string> labels = {});

}  // namespace dq::sampling
