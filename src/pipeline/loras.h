#pragma once
// LoRA files beside a loaded model: whose layers each of them is for, and how many it fits.
#include <string>
#include <vector>

#include "models/family.h"

namespace dq::pipeline {

// A LoRA of a request. 0 leaves the model as it is, 1 is what it was trained for; negative strengths push
// away.
struct LoraUse {
  std::string file;
  double strength = 1;
  std::string sha256;  // filled in when it is known

  bool operator==(const LoraUse&) const = default;
};

struct LoraFit {
  std::size_t modules = 0;             // that found their layer in this part of the model
  std::vector<std::string> unmatched;  // modules of this part that did not
};

// Hangs the modules of a file that are for this part (by their names: "lora_unet_…", "text_encoder.…") on its
// parameters. LoRA, LoHa, LoKr, DoRA and OFT; modules named as sd-scripts, diffusers or ComfyUI do, tensors
// as sd-scripts, LyCORIS or peft. Throws kBadFile for a module that is incomplete or has another shape than
// its layer, kUnsupported for a file that holds no adapter, or one of a kind that is not read yet.
LoraFit attach_lora(const weights::TensorTable& file, const models::Family& family, models::ModelPart part,
                    const weights::Parameters& parameters, double strength, Device& device);

// Takes all adapters off.
void detach_all(const weights::Parameters& parameters);

}  // namespace dq::pipeline
