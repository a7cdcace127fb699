#pragma once
// What the metadata of a run's file says, from the request and how far the run is.
#include "pipeline/model_files.h"
#include "train/metadata.h"
#include "train/request.h"

namespace dq::train {

struct RunPlace {
  std::string base_sha256;  // empty for a base of several files
  std::int64_t steps = 0;   // done
  std::int64_t passes_per_epoch = 1;
  Precision precision = Precision::kF32;  // of the products
};

// The request must be resolved.
RunFacts facts_of(const TrainRequest& request, const pipeline::OpenModel& model, const RunPlace& place);

}  // namespace dq::train
