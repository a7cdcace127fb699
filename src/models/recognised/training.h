#pragma once
// What metadata says about training: kohya's ss_* keys, the modelspec.* keys (sai_model_spec 1.0.1).
#include <map>
#include <optional>
#include <string>

#include "models/recognise.h"

namespace dq::models::recognised {

using Metadata = std::map<std::string, std::string>;

std::optional<TrainingFacts> read_training(const Metadata& metadata);

// "eps" or "v" when the metadata says so; else empty.
std::string stated_prediction(const Metadata& metadata);

// The value of a key; empty when it is not there or says "None".
std::string value_of(const Metadata& metadata, const std::string& key);

}  // namespace dq::models::recognised
