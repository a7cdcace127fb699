#pragma once
// What metadata says about training: kohya's ss_* keys, the modelspec.* keys (sai_model_spec 1.0.1).
#include <map>
#include <optional>
#include <string>

#include "models/recognise.h"

namespace dq::models::recognised {

using Metadata = std::map<std::string, std::string>;

std::optional<TrainingFacts> read_training(const Metadata& metadata);

// "eps" or "v" when the metadata says so, or a folder's "scheduler/scheduler_config.json"; else empty.
std::string stated_prediction(const Metadata& metadata);
// Does such a configuration rescale the schedule to end in pure noise (Lin et al. 2023)?
bool states_zero_terminal_snr(const Metadata& metadata);

// The side in pixels that "modelspec.resolution" states ("768x768"), the shorter one; 0 when it states none
// from 64 to 4096.
int stated_size(const Metadata& metadata);

// The value of a key; empty when it is not there or says "None".
std::string value_of(const Metadata& metadata, const std::string& key);

}  // namespace dq::models::recognised
