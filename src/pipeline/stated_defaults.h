#pragma once
// The settings that a model's file states for itself, as the text "danqing.defaults":
// {"steps": 20, "guidance": 4, "sampler": "dpmpp_2m", "scheduler": "normal"}. Its size is
// "modelspec.resolution".
#include <map>
#include <string>

#include "pipeline/request.h"

namespace dq::pipeline {

inline constexpr const char* kStatedDefaultsKey = "danqing.defaults";

// Fills in what the request leaves open. The scheduler goes with the sampler: who names a sampler gets the
// family's scheduler. What is not there, out of range or of an unknown name is passed over.
void apply_stated_defaults(const std::map<std::string, std::string>& texts, Request& request);

}  // namespace dq::pipeline
