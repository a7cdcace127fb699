#pragma once
// Every weight of a denoiser, and of the text encoder when asked for, as leaves; the file is a whole
// checkpoint, with the other parts as the base has them.
#include <map>
#include <string>

#include "pipeline/checkpoint_contents.h"
#include "train/network.h"

namespace dq::train {

class FullNetwork final : public Network {
 public:
  // With request.from_scratch the weights begin anew, a function of the seed; with request.keep_text_encoder
  // the text encoder's do not. The parameters must have been
  // loaded with Purpose::kTrain.
  FullNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device);

  Contents contents(DType dtype) const override;

 private:
  struct Source {
    models::ModelPart part;
    const char* name;  // in front of a leaf's
    const weights::Parameters& parameters;
    double rate;
  };
  void take(const Source& source, const TrainRequest& request);

  const pipeline::OpenModel& model_;
  Device& device_;
  pipeline::NewValues values_;
};

}  // namespace dq::train
