#pragma once
// The trainable adapters of a network: made beside a model's layers, moved by an optimiser, written as a
// file.
#include <memory>
#include <string>
#include <vector>

#include "train/network.h"
#include "weights/adapters/kinds.h"

namespace dq::train {

class AdapterNetwork final : public Network {
 public:
  // Hangs an adapter of the asked kind on every matrix of the denoiser's transformers, with a conv_rank also
  // on its residual blocks, and on the text encoder's layers when that is trained, as sd-scripts does. The
  // network starts as it was. The parameters must have been loaded with Purpose::kAdapt. Throws kUnsupported
  // when the family has no names for adapters.
  AdapterNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device);

  // In sd-scripts' layout ("lora_unet_….lora_down.weight"), or with diffusers' or ComfyUI's names and peft's
  // tensors ("unet.….lora_A.weight"), which know no alpha: there `up` holds it.
  Contents contents(DType dtype) const override;
  std::size_t modules() const { return modules_.size(); }

 private:
  struct Module {
    std::string name;  // in the file
    std::shared_ptr<const weights::Adapter> adapter;
  };
  struct Source {
    const models::Family& family;
    models::ModelPart part;
    const weights::Parameters& parameters;
    double rate;  // times the step's
  };
  void hang_on(const Source& source, const TrainRequest& request, Device& device);

  models::AdapterNames names_ = models::AdapterNames::kSdScripts;
  std::vector<Module> modules_;
};

}  // namespace dq::train
