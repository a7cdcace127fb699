#pragma once
// What a run moves, and the file that comes of it.
#include <memory>
#include <vector>

#include "files/safetensors_write.h"
#include "grad/optimizer.h"
#include "pipeline/model_files.h"
#include "train/metadata.h"
#include "train/request.h"

namespace dq::train {

class Network {
 public:
  virtual ~Network() = default;

  // The leaves, with unique names, in an order that the model alone decides.
  const std::vector<grad::Trained>& trained() const { return trained_; }

  struct Contents {
    std::vector<files::TensorToWrite> tensors;
    Metadata texts;  // what a reader of the file needs besides
  };
  // The file's tensors as the leaves are now, in `dtype`.
  virtual Contents contents(DType dtype) const = 0;

 protected:
  std::vector<grad::Trained> trained_;
};

// A model whose denoiser, and text encoder when that is trained too, were loaded for training.
struct LoadedParts {
  const pipeline::OpenModel& model;
  const models::Denoiser& denoiser;
  const models::TextEncoder* text_encoder = nullptr;  // null: it stays as it is
};

// What these parts must be loaded for.
weights::Purpose purpose_for(Target target);

// The network that a request asks for. Throws kUnsupported when the family has no names for it.
std::unique_ptr<Network> make_network(const LoadedParts& parts, const TrainRequest& request, Device& device);

}  // namespace dq::train
