#pragma once
// The trainable adapters of a network: made beside a denoiser's layers, moved by an optimiser, written as a
// file.
#include <memory>
#include <string>
#include <vector>

#include "files/safetensors_write.h"
#include "grad/optimizer.h"
#include "models/family.h"
#include "train/request.h"
#include "weights/lora.h"

namespace dq::train {

class AdapterNetwork {
 public:
  // Hangs a LoRA on every matrix of the denoiser's transformers, and with a conv_rank also on its residual
  // blocks, as sd-scripts does. `down` starts from uniform numbers (Kaiming, a = √5), `up` from 0: the
  // network starts as it was. The parameters must have been loaded with Purpose::kAdapt. Throws kUnsupported
  // when the family has no names for adapters.
  AdapterNetwork(const models::Family& family, const weights::Parameters& parameters,
                 const NetworkOptions& options, std::uint64_t seed, Device& device);

  // The leaves, named as in the file ("lora_unet_….lora_down.weight"), in their order.
  const std::vector<grad::Trained>& trained() const { return trained_; }
  // The tensors of a file in sd-scripts' layout, as they are now, in `dtype`.
  std::vector<files::TensorToWrite> tensors(DType dtype) const;
  std::size_t modules() const { return modules_.size(); }

 private:
  struct Module {
    std::string name;
    std::shared_ptr<const weights::Lora> lora;
  };
  std::vector<Module> modules_;
  std::vector<grad::Trained> trained_;
};

}  // namespace dq::train
