#pragma once
// Opening what a person named and finding its family.
#include "models/family.h"
#include "pipeline/request.h"

namespace dq::pipeline {

struct OpenModel {
  weights::ComponentSet files;
  const models::Family* family = nullptr;
  models::Variant variant;
};

// Opens the files of a request, detects the family and applies the request's prediction override. Throws
// kUnsupported saying what the file is when no family here takes it.
OpenModel open_model(const Request& request);

}  // namespace dq::pipeline
