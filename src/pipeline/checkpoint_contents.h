#pragma once
// A model's parts as one checkpoint file in the layout that most programs read.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "files/safetensors_write.h"
#include "pipeline/model_files.h"

namespace dq::pipeline {

// New numbers for parameters, by part and canonical name. Of the stored parameter's count; f32.
using NewValues = std::map<std::pair<models::ModelPart, std::string>, Tensor>;

struct CheckpointContents {
  std::vector<files::TensorToWrite> tensors;
  std::map<std::string, std::string> texts;  // for the metadata: what the tensors alone do not tell
};

// Every part that the model's files hold; floating-point tensors in `dtype`, others as they are. What is not
// replaced is read from the files while it is written: the model must live until then. Throws kInternal for a
// value that no part has or whose count is another.
CheckpointContents checkpoint_contents(const OpenModel& model, Device& device, DType dtype,
                                       const NewValues& values);

}  // namespace dq::pipeline
