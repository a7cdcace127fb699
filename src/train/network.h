#pragma once
// What a run moves, and the file that comes of it.
#include <map>
#include <memory>
#include <string>
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

  // Rounds every leaf to numbers that bf16 has, up or down by chance: by `seed`, `step` and its place.
  void round_leaves(std::uint64_t seed, std::int64_t step);
  // What the leaves must keep though every step of the optimiser moves them.
  virtual void after_step() {}
  // Words that captions are to be read with, whose vectors are leaves.
  virtual std::map<std::string, models::LearnedWord> words() const { return {}; }
  // The control net whose parameters the leaves are; null when it is another kind of network.
  virtual const models::ControlNet* control_net() const { return nullptr; }
  // About the request: finished sentences for the person.
  const std::vector<std::string>& warnings() const { return warnings_; }

 protected:
  std::vector<grad::Trained> trained_;
  std::vector<std::string> warnings_;
};

// A model whose denoiser, and text encoder when gradients go there too, were loaded for training.
struct LoadedParts {
  const pipeline::OpenModel& model;
  const models::Denoiser& denoiser;
  const models::TextEncoder* text_encoder = nullptr;  // null: it stays as it is
};

// What these parts must be loaded for.
weights::Purpose purpose_for(Target target);

// The network that a request asks for. Throws kUnsupported when the family has no names for it;
// kInvalidArgument when the words that an embedding begins with say nothing.
std::unique_ptr<Network> make_network(const LoadedParts& parts, const TrainRequest& request, Device& device);

}  // namespace dq::train
